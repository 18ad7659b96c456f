"""A pair in a file, shared by several processes."""

import contextlib
import errno
import os
import stat
import sys
import tempfile
from pathlib import Path

from tokenpair_client.errors import StoreError
from tokenpair_client.pair import MAX_BYTES, OtherVersion, Pair

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


# What the systems report about a lock that another user of it has.
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


class FileStore:
    """Keeps the pair in a file with mode 0600, and locks it against other processes.

    The file is replaced as a whole and synced to disk: a crash leaves the old pair or the new one.
    The lock is a second file beside it, with the suffix `.lock`, which stays. Missing folders are
    created, with mode 0700.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._lock: int | None = None

    def __repr__(self) -> str:
        return f"FileStore({str(self._path)!r})"

    def read(self) -> Pair | None:
        """Return the pair; None without a file.

        Raises `StoreError`, also if other users may read the file or it is not a pair's.
        """
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                record = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise self._error("cannot be read", exc) from exc
        if sys.platform != "win32" and stat.S_IMODE(found.st_mode) & 0o077:
            raise StoreError(f"{self._path} can be read by other users: run chmod 600 on it")
        return self._parsed(record)

    def _parsed(self, record: bytes) -> Pair:
        try:
            return Pair.from_record(record)
        except OtherVersion:
            raise StoreError(
                f"{self._path} was written by another version of tokenpair-client: use that "
                "version, or delete the file and log in"
            ) from None
        except ValueError:
            raise StoreError(
                f"{self._path} is not a session of tokenpair-client, or is damaged: delete it and "
                "log in, or choose another file"
            ) from None

    def write(self, pair: Pair) -> None:
        """Replace the file. Raises `StoreError`; the file is then as it was.

        A file that is not a pair's is never replaced.
        """
        self.read()
        target = self._target()
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            made = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(pair.to_record())
                    file.flush()
                    os.fsync(file.fileno())
                made.replace(target)
            finally:
                made.unlink(missing_ok=True)
            _sync_folder(target.parent)
        except OSError as exc:
            raise self._error("cannot be written", exc) from exc

    def clear(self) -> None:
        """Delete the file. Raises `StoreError`."""
        try:
            self._target().unlink(missing_ok=True)
        except OSError as exc:
            raise self._error("cannot be deleted", exc) from exc

    def try_lock(self) -> bool:
        """Take the lock, if it is free. Raises `StoreError` if its file cannot be created."""
        target = self._target()
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            handle = os.open(target.with_name(f"{target.name}.lock"), flags, 0o600)
        except OSError as exc:
            raise self._error("cannot be locked", exc) from exc
        try:
            _lock(handle)
        except OSError as exc:
            os.close(handle)
            if exc.errno in _TAKEN:
                return False
            raise self._error("cannot be locked", exc) from exc
        self._lock = handle
        return True

    def unlock(self) -> None:
        """Return the lock."""
        handle, self._lock = self._lock, None
        if handle is not None:
            try:
                # Closing is not enough: a process that was forked meanwhile has the file open, too.
                _unlock(handle)
            finally:
                os.close(handle)

    def _target(self) -> Path:
        """Return the file that is replaced and locked: a link stays a link."""
        try:
            return self._path.resolve()
        except RuntimeError:  # Before Python 3.13.
            raise StoreError(f"{self._path} is a link to itself: delete the link") from None

    def _error(self, what: str, exc: OSError) -> StoreError:
        return StoreError(f"{self._path} {what}: {exc.strerror or type(exc).__name__}")


def _sync_folder(folder: Path) -> None:
    """Sync the new name in the folder, where the system can."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
