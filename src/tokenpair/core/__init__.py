"""The rules. No I/O, no clock, no randomness, no framework: all of these come in as arguments."""
