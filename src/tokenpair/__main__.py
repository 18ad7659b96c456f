"""`python -m tokenpair`."""

from tokenpair.cli import main

main()
