"""Bookly's own tables, beside the library's in the same database."""

from sqlalchemy.orm import DeclarativeBase

from tokenpair.stores.sql import Database, Migrations

UPGRADE = "bookly db upgrade"
"""The command that migrates the tables."""

BOOKLY_MIGRATIONS = Migrations("bookly:migrations", "bookly_migration")


class Base(DeclarativeBase):
    """The base of Bookly's tables."""


def make_database(url: str, *, pool_size: int | None = None) -> Database:
    """Make the database from its URL; `pool_size` as in `Database.from_url`.

    Raises `ConfigurationError`.
    """
    return Database.from_url(
        url, migrations=[BOOKLY_MIGRATIONS], upgrade_command=UPGRADE, pool_size=pool_size
    )
