"""True without any machine: no I/O, no clock, no log."""
