"""Where an `Auth` gets its keys from, and how it learns of new ones."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import make_if_missing, parse_keyring, read_keyring
from tokenpair.settings import PREFIX, Settings

_log = logging.getLogger(__name__)

KEY_SECONDS = 2
"""Interval between two looks at the key file in a worker, in seconds."""

RETRY_SECONDS = 0.1
"""Shortest interval between two reads of an invalid file for unknown keys, in seconds."""

Use = Callable[[Keyring], object]


class KeySource:
    """The keys of one `Auth`, read on first use; new ones when the key file changes.

    The file may be read in another thread. What was read takes effect in the event loop, in
    `reload` or `look_again`, so that a slow reader cannot replace newer keys by older ones.
    """

    def __init__(
        self,
        load: Callable[[], Keyring],
        *,
        file: Path | None = None,
        prepare: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` returns the keys, with every check; it is called again when `file` has changed.

        Without a `file` the keys stay as they are. `prepare` is called once, before the first
        `load`: it may make the file.
        """
        self._load = load
        self._prepare = prepare
        self._file = file
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: _Signature = None
        self._read: Keyring | None = None
        self._used: Keyring | None = None
        self._users: list[Use] = []
        self._failed_at = -RETRY_SECONDS

    @classmethod
    def fixed(cls, keyring: Keyring) -> Self:
        """Return a source of keys that never change."""
        return cls(lambda: keyring)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the keys that the settings name; the data folder's are made on a first start.

        Reading them raises `ConfigurationError`, in production also for generated keys.
        """
        if keys := settings.keys:
            text = keys.get_secret_value()
            return cls(lambda: _checked(settings, parse_keyring(text, source=f"{PREFIX}KEYS")))
        file = key_file_path(settings)

        def make() -> None:
            if not settings.keys_file:
                make_if_missing(file)

        # Only the first time. A key file that is removed while the app runs is not made again:
        # the operator may be about to put another in its place.
        return cls(lambda: _checked(settings, read_keyring(file)), file=file, prepare=make)

    @property
    def keyring(self) -> Keyring:
        """The keys in use. The first access reads them, and raises what `load` raises."""
        if self._used is None:
            self._prepare()
            self._used = self.poll()
        return self._used

    def follow(self, use: Use) -> None:
        """Call `use` with every new keyring. It may refuse one with `ConfigurationError`."""
        self._users.append(use)

    async def reload(self) -> None:
        """Use the keys of a changed file.

        Raises `ConfigurationError` while the file or its keys are not valid; the old ones stay.
        """
        await asyncio.to_thread(self.poll)
        self._use_read()

    def look_again(self) -> bool:
        """Look for new keys now: a token names an unknown one, which other workers may know.

        Return whether the keys are known to be up to date; they are not while the file is invalid,
        or is being read by another thread.
        Any client can send unknown keys. So this check must be cheap: a few microseconds while the
        file is unchanged, and an invalid file is read at most every `RETRY_SECONDS`.
        """
        if (now := self._monotonic()) - self._failed_at < RETRY_SECONDS:
            return False
        # Another thread may be reading a file that takes long to read: the event loop cannot wait.
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._poll()
            self._use_read()
        except ConfigurationError:  # The background task logs what is wrong with the file.
            self._failed_at = now
            return False
        finally:
            self._lock.release()
        return True

    def poll(self) -> Keyring:
        """Return the keys of the file, read again if it has changed; in any thread.

        Raises `ConfigurationError` while the file is not valid.
        """
        with self._lock:
            return self._poll()

    def _poll(self) -> Keyring:
        # Before it is read: a change during the reading is seen by the next poll.
        now = self._signature()
        if self._read is None or now != self._seen:
            self._read = self._load()
            self._seen = now
        return self._read

    def _use_read(self) -> None:
        """Let all users use the keys that were read last."""
        if (keyring := self._read) is None or keyring is self._used:
            return
        for use in self._users:
            use(keyring)
        self._used = keyring
        _log.info("the key file has been read again; %s signs", keyring.signing.kid)

    def _signature(self) -> "_Signature":
        """Return what differs when the file has changed; None without a file."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        # The time of the inode's change, not of modification: it also changes after a chmod, and
        # when another file is moved here.
        return found.st_ino, found.st_ctime_ns, found.st_size


_Signature = tuple[int, int, int] | None


def key_file_path(settings: Settings) -> Path:
    """Return the path of the key file, which may not exist."""
    return settings.keys_file or settings.data_dir / "keys.json"


def _checked(settings: Settings, keyring: Keyring) -> Keyring:
    if settings.is_production and any(key.is_generated for key in keyring.keys):
        raise ConfigurationError(
            "a key was made by the app itself, for development: make one for production with "
            "tokenpair keys new --file keys.json"
        )
    return keyring
