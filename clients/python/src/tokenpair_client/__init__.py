"""Log in to a server with tokenpair, and stay logged in: an auth class that renews by itself.

    auth = PairAuth("https://example.com/auth", store=FileStore("session.json"))
    auth.log_in("ada@example.com", password)
    with httpx2.Client(auth=auth) as client:
        client.get("https://example.com/books")

`PairAuth` is that of `tokenpair_client.httpx2`; where httpx2 is missing, of
`tokenpair_client.httpx`.
"""

from tokenpair_client.clock import Clock
from tokenpair_client.errors import ClientError, LogInRefused, NoAnswer, SessionOver, StoreError
from tokenpair_client.file_store import FileStore
from tokenpair_client.keyring_store import KeyringStore
from tokenpair_client.pair import Pair
from tokenpair_client.store import MemoryStore, Store

try:
    from tokenpair_client.httpx2 import PairAuth
except ModuleNotFoundError as _missing:
    if _missing.name != "httpx2":
        raise
    # The same class, for the other library.
    from tokenpair_client.httpx import PairAuth  # type: ignore[assignment]

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
