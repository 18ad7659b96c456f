"""Alembic's entry into Bookly's migrations."""

from bookly.books.models import Book
from tokenpair.stores.sql import run_scripts

run_scripts(Book.metadata)
