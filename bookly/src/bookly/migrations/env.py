"""Run Bookly's migrations. Alembic executes this file for each of its commands."""

from bookly.books.models import Book
from tokenpair.stores.sql import run_scripts

run_scripts(Book.metadata)
