"""From settings to the parts that `Auth` is put together from: storage, keys, wake-ups."""

from pathlib import Path

from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import ConfigurationError
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.key_file import (
    KeyFileWatch,
    make_if_missing,
    parse_keyring,
    read_keyring,
    read_or_create_keyring,
)
from tokenpair.ports import Storage, WakeUp
from tokenpair.settings import PREFIX, Settings


def database_url(settings: Settings, *, must_exist: bool = False) -> str:
    """Return the database's URL: as set, or SQLite in the data folder.

    That file is made, unless it `must_exist` already, and never in production: a command that
    runs without the app's variables would make another, empty database. Raises
    `ConfigurationError`.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    path = settings.data_dir / "tokenpair.db"
    if settings.is_production and not path.exists():
        raise ConfigurationError(
            f"{PREFIX}DATABASE_URL is not set, and production does not make the SQLite database "
            f"{path.absolute()}: set {PREFIX}DATABASE_URL, or give the command --database-url"
        )
    if must_exist and not path.exists():
        raise ConfigurationError(
            f"there is no database {path.absolute()}: stand where the app runs, or set "
            f"{PREFIX}DATA_DIR or {PREFIX}DATABASE_URL, or give the command --database-url"
        )
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # For its owner alone, whoever may look into the folder.
    except OSError as exc:
        raise ConfigurationError(
            f"{PREFIX}DATA_DIR: the folder {settings.data_dir} cannot be written: {exc.strerror}"
        ) from exc
    return f"sqlite:///{path}"


def make_storage(settings: Settings, *, must_exist: bool = False) -> Storage:
    """Make the storage that the settings name: see `database_url`."""
    # Imported here, so that `import tokenpair` does not make a program that brings a storage
    # of its own wait for SQLAlchemy.
    from tokenpair.stores.sql import SqlStorage  # noqa: PLC0415

    url = database_url(settings, must_exist=must_exist)
    return SqlStorage.from_url(url, pool_size=settings.database_pool_size)


def load_keyring(settings: Settings) -> Keyring:
    """Read the keys where the settings say; make the data folder's on the first start.

    Raises `ConfigurationError`, in production also for keys that an app has made for itself.
    """
    if settings.keys:
        keyring = parse_keyring(settings.keys.get_secret_value(), source=f"{PREFIX}KEYS")
    elif settings.keys_file:
        keyring = read_keyring(settings.keys_file)
    else:
        keyring = read_or_create_keyring(key_file_path(settings))
    _require_made_for(settings, keyring)
    return keyring


def _reload_keyring(settings: Settings) -> Keyring:
    """Read the key file anew. Never make one: whoever takes it away puts another there."""
    keyring = read_keyring(key_file_path(settings))
    _require_made_for(settings, keyring)
    return keyring


def _require_made_for(settings: Settings, keyring: Keyring) -> None:
    if settings.is_production and any(key.is_generated for key in keyring.keys):
        raise ConfigurationError(
            "a key was made by the app itself, for development: make one for production with "
            "tokenpair keys new --file keys.json"
        )


def key_file_path(settings: Settings) -> Path:
    """Give the place of the key file."""
    return settings.keys_file or settings.data_dir / "keys.json"


def key_file_watch(settings: Settings) -> KeyFileWatch | None:
    """Watch the key file, if the keys are in one. Raises `ConfigurationError`."""
    if settings.keys:
        return None
    path = key_file_path(settings)
    if not settings.keys_file:
        make_if_missing(path)  # Else it would be news, two seconds after a first start.
    return KeyFileWatch(path, lambda: _reload_keyring(settings))


def make_wake_up(settings: Settings) -> WakeUp | None:
    """Make what tells other workers of revocations, and hears of theirs: as the settings say."""
    if settings.valkey_url:
        return ValkeyWakeUp(settings.valkey_url.get_secret_value())
    url = database_url(settings)
    # Imported here: see `make_storage`; and they need an extra, which the storage has asked for.
    from tokenpair.stores.sql.postgres.url import is_postgres_url  # noqa: PLC0415

    if not is_postgres_url(url):
        return None  # SQLite has none: it is polled more often.
    from tokenpair.feed.postgres import PostgresWakeUp  # noqa: PLC0415
    from tokenpair.stores.sql.postgres.connection import Connector  # noqa: PLC0415

    return PostgresWakeUp(Connector(url).connect)
