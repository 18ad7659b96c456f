"""Connect to PostgreSQL: the same way for SQLAlchemy, renewals, the feed and wake-ups."""

import contextlib

import asyncpg

from tokenpair.stores.sql.patience import (
    CONNECT_SECONDS,
    FAREWELL_SECONDS,
    POOL_SECONDS,
    READER_SECONDS,
)
from tokenpair.stores.sql.postgres.url import Host, PostgresUrl, parse_postgres_url

# What the statements rely on, over the defaults of the server, the database and the role:
# each statement sees what was committed before it began (the renewal's WHERE is its lock), and a
# day has 24 hours. Not `default_transaction_read_only`: operators and platforms set it to stop
# writes, when a disk is full or a database moves. Set by SET and not in the start-up packet,
# where PgBouncer refuses it.
_SESSION = "SET default_transaction_isolation = 'read committed'; SET TimeZone = 'UTC'"


def bounded(*, lock: int, statement: int) -> str:
    """Return the SET commands that bound the waiting on a connection, in seconds."""
    return f"SET lock_timeout = '{lock}s'; SET statement_timeout = '{statement}s'"


READING = bounded(lock=READER_SECONDS, statement=READER_SECONDS)
"""The limits of a connection that only reads."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types.
    """A connection that closes within a second: the server may be unreachable by then."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's.
        """Close it. It is closed, too, where the server does not answer."""
        with contextlib.suppress(TimeoutError):
            await super().close(timeout=min(timeout or FAREWELL_SECONDS, FAREWELL_SECONDS))


class Connector:
    """Opens connections to the servers of one URL. Raises `ConfigurationError` for a wrong one."""

    def __init__(self, url: str) -> None:
        parsed = parse_postgres_url(url)
        self.url: PostgresUrl = parsed
        self._arguments = {
            "user": parsed.user,
            "password": parsed.password,
            "database": parsed.database,
            "connection_class": _Connection,
            **parsed.arguments,
        }
        # Of several hosts none may use up the time of the others.
        self._seconds = CONNECT_SECONDS / len(parsed.hosts)
        if parsed.connect_seconds is not None:
            self._seconds = min(parsed.connect_seconds, POOL_SECONDS)

    async def connect(self, *settings: str) -> asyncpg.Connection:
        """Connect to the first host that can be used, and carry out `settings` there.

        Raises asyncpg's errors and OSError.
        """
        connection = await self._reach()
        try:
            await connection.execute("; ".join((_SESSION, *settings)), timeout=CONNECT_SECONDS)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _reach(self) -> asyncpg.Connection:
        for host in self.url.hosts[:-1]:
            # As libpq: the next host is for one that is away, not for one that refuses.
            with contextlib.suppress(
                OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched
            ):
                return await self._connect_to(host)
        return await self._connect_to(self.url.hosts[-1])

    async def _connect_to(self, host: Host) -> asyncpg.Connection:
        name, port = host
        try:
            return await asyncpg.connect(
                host=name, port=port, timeout=self._seconds, **self._arguments
            )
        except asyncpg.PostgresError as exc:
            # The server quotes the user. What stands before the last "@" of a URL is not shown:
            # it may be a password that was written in the wrong place.
            exc.args = (str(exc.args[0]).replace(f'"{self.url.user}"', "of the URL"),)
            raise
