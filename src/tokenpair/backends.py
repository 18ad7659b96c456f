"""The storage and the wake-ups that the settings name."""

from tokenpair.errors import ConfigurationError
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.ports import Storage, WakeUp
from tokenpair.settings import PREFIX, Settings


def database_url(settings: Settings, *, must_exist: bool = False) -> str:
    """Return the database's URL: as set, or that of an SQLite file in the data folder.

    A missing file is created, except in production or with `must_exist`: otherwise, a command that
    runs without the app's variables would create a second, empty database. Raises
    `ConfigurationError`.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    path = settings.data_dir / "tokenpair.db"
    if settings.is_production and not path.exists():
        raise ConfigurationError(
            f"{PREFIX}DATABASE_URL is not set, and in production tokenpair does not create the "
            f"SQLite database {path.absolute()}: set {PREFIX}DATABASE_URL, or give the command "
            "--database-url"
        )
    if must_exist and not path.exists():
        raise ConfigurationError(
            f"there is no database {path.absolute()}: run the command in the app's folder, or set "
            f"{PREFIX}DATA_DIR or {PREFIX}DATABASE_URL, or give the command --database-url"
        )
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # The folder may have been made before, readable by others.
    except OSError as exc:
        raise ConfigurationError(
            f"{PREFIX}DATA_DIR: the folder {settings.data_dir} cannot be written: {exc.strerror}"
        ) from exc
    return f"sqlite:///{path}"


def make_storage(settings: Settings, *, must_exist: bool = False) -> Storage:
    """Return the storage of `database_url`, not opened. Raises `ConfigurationError`."""
    # Imported here, so that `import tokenpair` does not load SQLAlchemy in a program that has
    # another storage.
    from tokenpair.stores.sql import SqlStorage  # noqa: PLC0415

    url = database_url(settings, must_exist=must_exist)
    return SqlStorage.from_url(
        url,
        pool_size=settings.database_pool_size,
        renewal_lanes=settings.database_renewal_lanes,
    )


def make_wake_up(settings: Settings) -> WakeUp | None:
    """Return the wake-ups between workers; None for SQLite, which is polled more often."""
    if settings.valkey_url:
        return ValkeyWakeUp(settings.valkey_url.get_secret_value())
    url = database_url(settings)
    # Imported here: see `make_storage`. They also need an extra, which the storage has required.
    from tokenpair.stores.sql.postgres.url import is_postgres_url  # noqa: PLC0415

    if not is_postgres_url(url):
        return None
    from tokenpair.feed.postgres import PostgresWakeUp  # noqa: PLC0415
    from tokenpair.stores.sql.postgres.connection import Connector  # noqa: PLC0415

    return PostgresWakeUp(Connector(url).connect)
