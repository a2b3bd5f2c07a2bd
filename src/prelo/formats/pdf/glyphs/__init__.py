"""Any text of the world as glyphs: which font has a character, how a word is shaped, which way it runs."""
