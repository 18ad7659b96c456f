"""Users and sessions in SQLite or PostgreSQL.

An app may keep tables of its own in the same database, with the same engine, migrations and
type for moments in time.
"""

from tokenpair.stores.sql.availability import answering, database_name, opening
from tokenpair.stores.sql.engine import create_engine, turn_to_write
from tokenpair.stores.sql.migrate import (
    TOKENPAIR_MIGRATIONS,
    Migrations,
    not_migrated,
    run_scripts,
)
from tokenpair.stores.sql.storage import SqlStorage
from tokenpair.stores.sql.tables import UtcDateTime

__all__ = [
    "TOKENPAIR_MIGRATIONS",
    "Migrations",
    "SqlStorage",
    "UtcDateTime",
    "answering",
    "create_engine",
    "database_name",
    "not_migrated",
    "opening",
    "run_scripts",
    "turn_to_write",
]
