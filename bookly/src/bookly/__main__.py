"""`python -m bookly` is `bookly`."""

from bookly.cli import main

main()
