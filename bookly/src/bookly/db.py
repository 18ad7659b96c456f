"""Bookly's own tables, beside the library's in the same database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase

from tokenpair import Condition
from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql import (
    TOKENPAIR_MIGRATIONS,
    Migrations,
    answering,
    create_engine,
    database_name,
    not_migrated,
    opening,
    turn_to_write,
)

UPGRADE = "bookly db upgrade"
"""The command that brings the tables up to date."""

BOOKLY_MIGRATIONS = Migrations("bookly:migrations", "bookly_migration")


class Base(DeclarativeBase):
    """The base of Bookly's tables."""


class Database:
    """Sessions to read and to write with. A database that is away raises `Unavailable`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # A reader on SQLite must not open a transaction: all of ours take the write lock. Both
        # share one pool, for an app has few connections to spare.
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = async_sessionmaker(self._autocommit, expire_on_commit=False)
        self._write = async_sessionmaker(engine, expire_on_commit=False)
        self._turn = turn_to_write(engine)

    @classmethod
    def from_url(cls, url: str, *, pool_size: int | None = None) -> Self:
        """Make one from `sqlite:///path` or `postgresql://…`; `pool_size` as in `create_engine`.

        Raises `ConfigurationError`.
        """
        return cls(create_engine(url, pool_size=pool_size))

    @property
    def name(self) -> str:
        """The database's name for people, without its password."""
        return database_name(self._engine)

    async def open(self, *, migrate: bool) -> None:
        """Bring the tables up to date, the library's too, or else require that they are.

        Raises `ConfigurationError`.
        """
        with opening(self._engine):
            for migrations in (TOKENPAIR_MIGRATIONS, BOOKLY_MIGRATIONS):
                if migrate:
                    await migrations.upgrade(self._engine)
                elif not await migrations.is_current(self._engine):
                    raise ConfigurationError(not_migrated(self._engine, UPGRADE))

    async def health(self) -> Condition:
        """Say how Bookly's own tables stand. Raises `Unavailable`."""
        async with answering(self._engine):
            return await BOOKLY_MIGRATIONS.health(self._autocommit)

    @property
    def not_migrated(self) -> str:
        """What to tell an operator when the tables are not up to date."""
        return not_migrated(self._engine, UPGRADE)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Read: each statement sees what is committed when it begins."""
        async with answering(self._engine), self._read() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Be one transaction: it is committed when the block ends, and not if it raises."""
        async with answering(self._engine), self._turn, self._write.begin() as session:
            yield session
