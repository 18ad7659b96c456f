"""The Python client: log in to a server with tokenpair, and stay logged in.

It is the package `tokenpair_client`, which needs no other part of tokenpair; `tokenpair[client]`
installs it.
"""

try:
    from tokenpair_client import (
        ClientError,
        Clock,
        FileStore,
        KeyringStore,
        LogInRefused,
        MemoryStore,
        NoAnswer,
        Pair,
        PairAuth,
        SessionOver,
        Store,
        StoreError,
    )
except ModuleNotFoundError as _missing:
    raise ImportError("the client is not installed: pip install 'tokenpair[client]'") from _missing

__all__ = [
    "ClientError",
    "Clock",
    "FileStore",
    "KeyringStore",
    "LogInRefused",
    "MemoryStore",
    "NoAnswer",
    "Pair",
    "PairAuth",
    "SessionOver",
    "Store",
    "StoreError",
]
