"""The storage, the wake-ups and the sender of mails that the settings name."""

from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.errors import ConfigurationError
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.ports import LimitCounters, MailSender, Storage, WakeUp
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


def make_limits(settings: Settings) -> LimitCounters | bool:
    """Return the `limits` of an `Auth`. Raises `ConfigurationError`."""
    if settings.limits == "valkey" and settings.valkey_url:
        issuer = settings.issuer or settings.base_url
        return ValkeyLimits(settings.valkey_url.get_secret_value(), scope=issuer)
    return settings.limits == "on"


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


def make_mail_sender(settings: Settings) -> MailSender | None:
    """Return what sends mails over SMTP; None without a server.

    Raises `ConfigurationError` if SMTP lacks its package, or an address to send from.
    """
    if not settings.smtp_url:
        return None
    if not settings.mail_from:
        raise ConfigurationError(
            f"{PREFIX}SMTP_URL needs {PREFIX}MAIL_FROM, the address that mails are sent from, "
            "for example Bookly <no-reply@books.example.com>"
        )
    # Imported here: see `make_storage`.
    from tokenpair.mail.smtp import SmtpSender  # noqa: PLC0415

    return SmtpSender(parse_smtp_url(settings.smtp_url.get_secret_value()))
