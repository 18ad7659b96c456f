"""A refresh token in the system's keyring."""

import threading
from dataclasses import replace
from typing import Protocol

from tokenpair_client.errors import StoreError
from tokenpair_client.pair import OtherVersion, Pair

SERVICE = "tokenpair"
"""Name under which keyrings list the entries."""


class Backend(Protocol):
    """What is used of the package `keyring`, or of one of its backends."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a secret."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a secret."""

    def delete_password(self, service: str, username: str) -> None:
        """Delete a secret."""


class KeyringStore:
    """Keeps the refresh token in the system's keyring (`tokenpair-client[keyring]`).

    `name` tells entries apart, such as the user's address. `backend` is one of the package
    `keyring`; without it, `keyring` chooses. The access token stays in memory, because Windows
    stores 1,280 characters only; so each process renews when it starts. Keyrings have no lock.
    Processes that renew at the same time get the same next token from the server, or keep theirs.
    """

    def __init__(self, name: str, *, backend: Backend | None = None) -> None:
        self._name = name
        self._lock = threading.Lock()
        try:
            # An extra, and slow to import.
            import keyring  # noqa: PLC0415
            from keyring.errors import KeyringError, PasswordDeleteError  # noqa: PLC0415
        except ImportError as exc:
            raise StoreError(
                "the keyring is not installed: pip install 'tokenpair-client[keyring]'"
            ) from exc
        self._backend: Backend = backend or keyring
        self._failure: type[Exception] = KeyringError
        self._missing: type[Exception] = PasswordDeleteError

    def __repr__(self) -> str:
        return f"KeyringStore({self._name!r})"

    def read(self) -> Pair | None:
        """Return the pair without its access token."""
        try:
            record = self._backend.get_password(SERVICE, self._name)
        except self._failure as exc:
            raise StoreError(f"the keyring cannot be read: {type(exc).__name__}") from exc
        if record is None:
            return None
        try:
            return Pair.from_record(record.encode())
        except OtherVersion:
            raise StoreError(
                "the keyring's entry was written by another version of tokenpair-client: use that "
                "version, or delete the entry and log in"
            ) from None
        except ValueError:
            raise StoreError("the keyring's entry is damaged: delete it and log in") from None

    def write(self, pair: Pair) -> None:
        """Store the pair without its access token."""
        record = replace(pair, access_token=None).to_record().decode()
        try:
            self._backend.set_password(SERVICE, self._name, record)
        except self._failure as exc:
            raise StoreError(f"the keyring cannot be written: {type(exc).__name__}") from exc

    def clear(self) -> None:
        """Delete the entry."""
        try:
            self._backend.delete_password(SERVICE, self._name)
        except self._missing:
            return
        except self._failure as exc:
            raise StoreError(f"the keyring cannot be written: {type(exc).__name__}") from exc

    def try_lock(self) -> bool:
        """Take the lock, which holds in this object only."""
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        """Return the lock."""
        self._lock.release()
