"""Parse a PostgreSQL URL, in all spellings that libpq and hosting platforms use.

Nothing else parses it: every connection is made from a `PostgresUrl`.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import sqlalchemy as sa

from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql.postgres.options import KNOWN, to_arguments
from tokenpair.stores.sql.postgres.tls import refused

# The driver's name is ignored: platforms name others, and only asyncpg is used here.
_SCHEME = re.compile(r"postgres(ql)?(\+(asyncpg|psycopg2?|psycopg_async))?://", re.IGNORECASE)
_LAST_PORT = 65535

_ESCAPE = (
    "in the user and the password, write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 "
    "and % as %25"
)
_UNREADABLE = f"the database URL cannot be read; {_ESCAPE}"

Host = tuple[str | None, int | None]
"""A name, an address or a socket's folder, and a port. None: the driver's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresUrl:
    """A parsed URL. `hosts` are tried in order."""

    hosts: tuple[Host, ...]
    database: str | None
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    arguments: dict[str, Any] = field(repr=False)
    """asyncpg's arguments for the options."""
    connect_seconds: float | None
    """Time limit for one host, in seconds, from `connect_timeout`. None: no limit was set."""

    @property
    def name(self) -> str:
        """The database in messages: its hosts and name, without user and options."""
        folders = [f"?host={host}" for host, _ in self.hosts if host and host.startswith("/")]
        where = [_join(*each) for each in self.hosts if not (each[0] or "").startswith("/")]
        return f"postgresql://{','.join(where)}/{self.database or ''}" + "".join(folders)

    @property
    def for_sqlalchemy(self) -> sa.URL:
        """The URL that an engine shows, without options. It connects by a `Connector`."""
        host, port = self.hosts[0]
        is_socket = host is not None and host.startswith("/")
        return sa.URL.create(
            "postgresql+asyncpg",
            username=self.user,
            password=self.password,
            host=None if is_socket else host,
            port=None if is_socket else port,
            database=self.database,
        )


def is_postgres_url(url: str) -> bool:
    """Return whether a URL names a PostgreSQL database."""
    return _SCHEME.match(url.strip()) is not None


def parse_postgres_url(text: str) -> PostgresUrl:
    """Parse a URL. Raises `ConfigurationError`, which never shows the user or password."""
    before_query, _, query = text.strip().partition("://")[2].partition("?")
    authority, _, path = before_query.partition("/")
    if authority.count("@") > 1 or "@" in path:
        raise ConfigurationError(_UNREADABLE)
    credentials, _, hosts_and_ports = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    options = _options(query)
    database = _database(options) or unquote(path)
    user = options.pop("user", "") or unquote(user)
    password = options.pop("password", "") or unquote(password)
    hosts = _hosts(hosts_and_ports, options.pop("host", None), options.pop("port", None))
    arguments, connect_seconds = to_arguments(options, several_hosts=len(hosts) > 1)
    return PostgresUrl(
        hosts=hosts,
        database=database or None,
        user=user or None,
        password=password or None,
        arguments=arguments,
        connect_seconds=connect_seconds,
    )


def _options(query: str) -> dict[str, str]:
    """Split the query. Each `host` adds a host; another option has one value."""
    options: dict[str, str] = {}
    for name, value in _pairs(query):
        if name == "host" and name in options:
            options[name] += f",{value}"
        elif value and options.setdefault(name, value) != value:
            raise refused(name, "appears twice with different values; write it once")
    return options


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigurationError(_UNREADABLE) from None
    # Otherwise the error would show an unknown name, which may be part of a password with a "?".
    if "@" in query and not KNOWN.issuperset(name for name, _ in pairs):
        raise ConfigurationError(_UNREADABLE)
    return pairs


def _database(options: dict[str, str]) -> str:
    """Remove `dbname`, or `database` as some drivers call it, from the options, and return it."""
    names = {options.pop(each) for each in ("dbname", "database") if each in options}
    if len(names) > 1:
        raise refused("database", "differs from dbname; write one of them")
    return names.pop() if names else ""


def _hosts(authority: str, host: str | None, port: str | None) -> tuple[Host, ...]:
    """Return the hosts. Those of the query replace those of the authority."""
    if host is None:
        hosts = [_host(each, is_percent_encoded=True) for each in authority.split(",")]
    else:
        hosts = [_host(each, is_percent_encoded=False) for each in host.split(",")]
    if len(hosts) > 1 and not all(name for name, _ in hosts):
        raise ConfigurationError("the database URL: a host name is missing")
    ports = [_port(each) for each in port.split(",")] if port else [None]
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ConfigurationError("the database URL: write one port, or one for each host")
    return tuple((name, own or other) for (name, own), other in zip(hosts, ports, strict=True))


def _host(text: str, *, is_percent_encoded: bool) -> Host:
    """Parse `name`, `name:port`, `[::1]:port`, or the folder of a socket.

    A bare `::1` is valid only in the query, as in libpq; its port comes from `port`.
    """
    if text.startswith("/"):
        return text, None  # The path may contain colons, as in Google's Cloud SQL.
    name, port = text, ""
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ConfigurationError("the database URL: write an IPv6 address in [ ]")
        port = port[1:]
    elif text.count(":") == 1:
        name, _, port = text.partition(":")
    elif ":" in text and is_percent_encoded:
        raise ConfigurationError("the database URL: write an IPv6 address in [ ]")
    return (unquote(name) if is_percent_encoded else name) or None, _port(port)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LAST_PORT):
        raise ConfigurationError(
            f"the database URL has an invalid port; write 1 to {_LAST_PORT}; {_ESCAPE}"
        )
    return int(text)


def _join(host: str | None, port: int | None) -> str:
    name = f"[{host}]" if host and ":" in host else host or ""
    return f"{name}:{port}" if port else name
