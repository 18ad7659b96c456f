"""Alembic's entry into the library's migrations."""

from tokenpair.stores.sql.migrate import run_scripts
from tokenpair.stores.sql.tables import metadata

run_scripts(metadata)
