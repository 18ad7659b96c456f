"""Connect to PostgreSQL: the same way for SQLAlchemy, renewals, the feed and wake-ups."""

import contextlib

import asyncpg

from tokenpair.stores.sql.postgres.url import Host, PostgresUrl, parse_postgres_url
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS, Timeouts

# What the statements rely on, instead of the defaults of the server, the database and the role:
# each statement sees what was committed before it began (the renewal's WHERE is its lock), and a
# day has 24 hours. Not `default_transaction_read_only`: operators and platforms set it to stop
# writes, when a disk is full or a database moves. Set by SET and not in the start-up packet,
# where PgBouncer refuses it.
_SESSION = "SET default_transaction_isolation = 'read committed'; SET TimeZone = 'UTC'"


def milliseconds(seconds: float) -> str:
    """Return a duration as the server's settings spell it."""
    return f"{round(seconds * 1000)}ms"


def limits(*, lock: float, statement: float) -> str:
    """Return the SET commands that limit the waits on a connection, in seconds."""
    return (
        f"SET lock_timeout = '{milliseconds(lock)}'; "
        f"SET statement_timeout = '{milliseconds(statement)}'"
    )


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types.
    """A connection with a `close` that does not wait long for an unreachable server."""

    close_seconds: float = DEFAULT_TIMEOUTS.close

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's.
        """Close the connection, also if the server does not respond."""
        with contextlib.suppress(TimeoutError):
            await super().close(timeout=min(timeout or self.close_seconds, self.close_seconds))


class Connector:
    """Opens connections to the servers of one URL."""

    def __init__(self, url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        """Raises `ConfigurationError` for an invalid URL."""
        parsed = parse_postgres_url(url)
        self.url: PostgresUrl = parsed
        self._arguments = {
            "user": parsed.user,
            "password": parsed.password,
            "database": parsed.database,
            "connection_class": _Connection,
            **parsed.arguments,
        }
        self._timeouts = timeouts
        # One host must not use up the time of the others.
        self._seconds = timeouts.connect / len(parsed.hosts)
        if parsed.connect_seconds is not None:
            self._seconds = min(parsed.connect_seconds, timeouts.pool)

    async def connect(self, *settings: str) -> asyncpg.Connection:
        """Connect to the first usable host, and execute `settings` there.

        Raises asyncpg's errors and OSError.
        """
        connection = await self._reach()
        try:
            await connection.execute(
                "; ".join((_SESSION, *settings)), timeout=self._timeouts.connect
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _reach(self) -> asyncpg.Connection:
        for host in self.url.hosts[:-1]:
            # As libpq: the next host is tried if this one is unreachable, not if it refuses.
            with contextlib.suppress(
                OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched
            ):
                return await self._connect_to(host)
        return await self._connect_to(self.url.hosts[-1])

    async def _connect_to(self, host: Host) -> asyncpg.Connection:
        name, port = host
        try:
            connection = await asyncpg.connect(
                host=name, port=port, timeout=self._seconds, **self._arguments
            )
        except asyncpg.PostgresError as exc:
            # The server quotes the user, which may be a password in the wrong place of the URL.
            exc.args = (str(exc.args[0]).replace(f'"{self.url.user}"', "of the URL"),)
            raise
        connection.close_seconds = self._timeouts.close
        return connection
