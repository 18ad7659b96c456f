"""Users and sessions in SQLite or PostgreSQL.

An app may keep tables of its own in the same database, with the same engine, migrations and
type for moments in time: see `Database`.
"""

from tokenpair.stores.sql.database import Database
from tokenpair.stores.sql.engine import create_engine
from tokenpair.stores.sql.migrate import TOKENPAIR_MIGRATIONS, Migrations, run_scripts
from tokenpair.stores.sql.storage import SqlStorage
from tokenpair.stores.sql.tables import UtcDateTime
from tokenpair.stores.sql.timeouts import Timeouts

__all__ = [
    "TOKENPAIR_MIGRATIONS",
    "Database",
    "Migrations",
    "SqlStorage",
    "Timeouts",
    "UtcDateTime",
    "create_engine",
    "run_scripts",
]
