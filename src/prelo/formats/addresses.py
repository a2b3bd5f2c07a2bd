"""Which texts are addresses that a file links to: of the web and of mail, and no others, as those may run
programs.
"""

# Excel offers to repair a file over an address without a host.
_HOST = r"[^\s/?#@:%\"<>\[\]\\^`{|}]+(?::\d{1,5})?"
ADDRESS = rf"^(?i:https?|ftp)://(?:[^\s/?#@]*@)?{_HOST}(?:[/?#]|$)|^(?i:mailto):[^\s?#@]+@[^\s?#@]"
NO_ADDRESS = r"[\x00-\x1F\x7F-\x9F\x{2028}\x{2029}\x{FFFE}\x{FFFF}]"
"""What is in no address, and some of it not even in XML."""
