"""The options in a PostgreSQL URL: libpq's, and those that platforms and other drivers add.

An option is supported, or refused by its name. It is ignored only if that changes nothing.
"""

from typing import Any

from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql.postgres.tls import TLS_OPTIONS, refused, tls_arguments

# Passed to the driver unchanged, as arguments of `connect`.
_ARGUMENTS = ("passfile", "service", "servicefile", "krbsrvname", "gsslib")
_WRITABLE = ("any", "primary", "read-write")
# They detect an unreachable server. Here each wait for a server has a limit of its own.
_NOT_NEEDED = (
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslcompression",
)
# Values that ask for what happens anyway.
_DEFAULTS = {
    "channel_binding": ("disable", "prefer"),
    "client_encoding": ("utf8", "utf-8", "unicode", "auto"),
    "gssdelegation": ("0",),
    "gssencmode": ("disable", "prefer"),
    "load_balance_hosts": ("disable",),
    "pgbouncer": ("false",),
    "replication": ("false", "off", "no", "0"),
    "requiressl": ("0",),
    "sslcertmode": ("allow",),
    "sslnegotiation": ("postgres",),
    "sslsni": ("1",),
}
_SESSION_POOL = (
    "is meant for a pooler that gives each transaction another connection; "
    "use the server's own address or a pooler in session mode, and remove the option"
)
_POOL_SIZE = "is unsupported; set TOKENPAIR_DATABASE_POOL_SIZE"
_ADVICE = {
    "channel_binding": "the driver has no channel binding; remove the option, and let "
    "sslmode=verify-full check the server's certificate",
    "client_encoding": "only utf8 is supported",
    "hostaddr": "is not supported; write the address in place of the host",
    "schema": "is unsupported; write options=-csearch_path%3Dname",
    "search_path": "is unsupported; write options=-csearch_path%3Dname",
    "pgbouncer": _SESSION_POOL,
    "statement_cache_size": _SESSION_POOL,
    "prepared_statement_cache_size": _SESSION_POOL,
    "prepared_statements": _SESSION_POOL,
    "prepareThreshold": _SESSION_POOL,
    "prepare_threshold": _SESSION_POOL,
    "binary_parameters": _SESSION_POOL,
    "prefer_simple_protocol": _SESSION_POOL,
    "default_query_exec_mode": _SESSION_POOL,
    "timeout": "is unsupported; write connect_timeout",
    "connection_limit": _POOL_SIZE,
    "pool_size": _POOL_SIZE,
    "max_connections": _POOL_SIZE,
    "pool_timeout": _POOL_SIZE,
}
_UNSUPPORTED = "is not supported by the driver; remove it"
_LIBPQ_ONLY = (
    "gssencmode",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "sslcertmode",
    "sslcrldir",
    "sslkeylogfile",
    "sslsni",
)
KNOWN = frozenset(
    {"host", "port", "user", "password", "dbname", "database", "connect_timeout", "ssl"}
    | {"application_name", "fallback_application_name", "options", "target_session_attrs"}
).union(_ARGUMENTS, TLS_OPTIONS, _NOT_NEEDED, _DEFAULTS, _ADVICE, _LIBPQ_ONLY)
"""The options that are supported, or refused with advice."""


def to_arguments(
    options: dict[str, str], *, several_hosts: bool
) -> tuple[dict[str, Any], float | None]:
    """Return asyncpg's arguments, and the time limit for one host in seconds, or None.

    Raises `ConfigurationError`, which names the option.
    """
    rest = dict(options)
    connect_seconds = _seconds(rest.pop("connect_timeout", None))
    arguments: dict[str, Any] = {name: rest.pop(name) for name in _ARGUMENTS if name in rest}
    arguments |= _server_settings(rest)
    arguments |= _target(rest, several_hosts=several_hosts)
    arguments |= tls_arguments(rest)
    for name, value in rest.items():
        if name not in _NOT_NEEDED and value.lower() not in _DEFAULTS.get(name, ()):
            raise _refused(name)
    return arguments, connect_seconds


def _refused(name: str) -> ConfigurationError:
    fallback = _UNSUPPORTED if name in {*_LIBPQ_ONLY, *_DEFAULTS} else "is unknown; remove it"
    return refused(name, _ADVICE.get(name, fallback))


def _seconds(text: str | None) -> float | None:
    if text is None or text.lstrip("-") == "0":
        return None
    if not (text.isascii() and text.removeprefix("-").isdecimal()):
        raise refused("connect_timeout", "must be a number of whole seconds")
    return None if text.startswith("-") else float(text)


def _server_settings(rest: dict[str, str]) -> dict[str, Any]:
    fallback = rest.pop("fallback_application_name", None)
    name = rest.pop("application_name", fallback)
    settings = {"application_name": name, "options": rest.pop("options", None)}
    given = {name: value for name, value in settings.items() if value}
    return {"server_settings": given} if given else {}


def _target(rest: dict[str, str], *, several_hosts: bool) -> dict[str, Any]:
    # With several hosts, the default is one that accepts writes.
    target = rest.pop("target_session_attrs", "read-write" if several_hosts else None)
    if target is None:
        return {}
    if target not in _WRITABLE:
        raise refused("target_session_attrs", f"must be one of {', '.join(_WRITABLE)}")
    return {"target_session_attrs": target}
