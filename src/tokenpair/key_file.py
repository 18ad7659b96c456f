"""The file that holds the keyring: a private JWK set, kept from other users."""

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tokenpair.core.tokens.encoding import strict_json
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import ConfigurationError
from tokenpair.private_file import how_to_let_in, why_not_private

if sys.platform != "win32":
    import fcntl


def read_keyring(path: Path) -> Keyring:
    """Read a key file. Raises `ConfigurationError`, also if other users may read it."""
    try:
        # The open file is checked, not the path: another file may take its place meanwhile.
        with path.open(encoding="utf-8-sig") as file:
            if why := why_not_private(file.fileno()):
                raise ConfigurationError(f"the key file {path} {why}")
            text = file.read()
    except PermissionError as exc:
        advice = how_to_let_in(path)
        raise ConfigurationError(
            f"the key file {path} cannot be read: {_why(exc)}{advice}"
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"the key file {path} cannot be read: {_why(exc)}") from exc
    return parse_keyring(text, source=str(path))


def parse_keyring(text: str, *, source: str) -> Keyring:
    """Read a keyring from JSON; `source` is what an error names. Raises `ConfigurationError`."""
    try:
        return Keyring.from_jwks(strict_json(text))
    except ValueError:
        # Without its cause, which quotes the text.
        raise ConfigurationError(f"{source} is not JSON") from None
    except ConfigurationError as exc:
        raise ConfigurationError(f"{source}: {exc}") from exc


def make_if_missing(path: Path) -> None:
    """Make the key file of a first start, with a new ES256 key. Raises `ConfigurationError`.

    Of several workers that start together, one makes the file and the others use it.
    """
    if path.exists():
        return
    key = Key.generate(since=datetime.now(UTC), is_generated=True)
    with _writing_to(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _complete_file(path, Keyring([key])) as made, contextlib.suppress(FileExistsError):
            os.link(made, path)


def change_keyring(path: Path, change: Callable[[Keyring | None], Keyring]) -> Keyring:
    """Replace the keyring by `change(keyring)`; without a file, by `change(None)`.

    Changes of several processes are made one after the other, so that none is lost. Raises
    `ConfigurationError` and what `change` raises; the file then stays as it was.
    """
    path = path.resolve()  # A link stays a link.
    with _writing_to(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            found = path.stat() if path.exists() else None
            keyring = change(read_keyring(path) if found else None)
            with _complete_file(path, keyring) as made:
                if found:
                    _hand_over(made, found)
                made.replace(path)
    return keyring


def _hand_over(made: Path, found: os.stat_result) -> None:
    """Copy mode, owner and group of the old file: root may have let a group read it."""
    made.chmod(stat.S_IMODE(found.st_mode))
    if sys.platform != "win32" and os.geteuid() == 0:
        os.chown(made, found.st_uid, found.st_gid)


@contextlib.contextmanager
def _complete_file(path: Path, keyring: Keyring) -> Iterator[Path]:
    """Write a keyring to a file beside `path`, synced to disk, for the caller to put in place.

    A crash at any moment leaves the old file or the new one, never a partial one.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # Mode 0600.
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(keyring.to_private_jwks(), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder against other processes; it needs no lock file."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _writing_to(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(f"the key file {path} cannot be written: {_why(exc)}") from exc


def _why(exc: OSError | UnicodeDecodeError) -> str:
    return (exc.strerror or str(exc)) if isinstance(exc, OSError) else "not UTF-8"
