"""Open a database by its URL."""

from sqlalchemy.ext.asyncio import AsyncEngine

from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql.backend import Backend
from tokenpair.stores.sql.pool import RENEWAL_LANES, default_pool_size
from tokenpair.stores.sql.postgres.url import is_postgres_url
from tokenpair.stores.sql.sqlite.database import SqliteDatabase
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS, Timeouts


def create_engine(
    url: str, *, autocommit: bool = False, pool_size: int | None = None
) -> AsyncEngine:
    """Make an engine for `sqlite:///path` or `postgresql://…`; no connection is made yet.

    With `autocommit`, each statement is its own transaction; an engine made for that alone
    need not switch each connection over and back. `pool_size` is the most connections that are
    open at a time; None follows the cores that this process may use. Errors show the statement
    and never what was bound to it.

    Raises `ConfigurationError`, which never shows the URL's user and password.
    """
    backend = make_backend(url, pool_size=pool_size)
    return backend.autocommit if autocommit else backend.engine


def make_backend(
    url: str,
    *,
    pool_size: int | None = None,
    renewal_lanes: int | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Backend:
    """Make the object of the database that a URL names. Arguments and errors as above.

    `renewal_lanes` is as in `SqlStorage.from_url`.
    """
    lanes = RENEWAL_LANES if renewal_lanes is None else renewal_lanes
    if lanes < 0:
        raise ConfigurationError("renewal_lanes must be 0 or more")
    size = pool_size or default_pool_size()
    if not is_postgres_url(url):
        return SqliteDatabase(url, pool_size=size, timeouts=timeouts)
    try:
        # Imported here: asyncpg is an extra.
        from tokenpair.stores.sql.postgres.database import PostgresDatabase  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"the database driver {exc.name!r} is not installed: pip install 'tokenpair[postgres]'"
        ) from exc
    return PostgresDatabase(url, pool_size=size, lanes=lanes, timeouts=timeouts)
