"""The web pages and their files. Nothing is loaded from another host."""
