"""The file that holds the keyring: a private JWK set, readable by its owner alone."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tokenpair.core.encoding import strict_json
from tokenpair.core.keyring import Key, Keyring
from tokenpair.errors import ConfigurationError


def read_keyring(path: Path) -> Keyring:
    """Read a key file. Raises `ConfigurationError`."""
    try:
        return parse_keyring(path.read_text(), source=str(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"the key file {path} cannot be read: {_why(exc)}") from exc


def parse_keyring(text: str, *, source: str) -> Keyring:
    """Read a keyring from JSON; `source` is what an error names. Raises `ConfigurationError`."""
    try:
        return Keyring.from_jwks(strict_json(text))
    except ValueError:
        # Broken off from its cause, which quotes the text.
        raise ConfigurationError(f"{source} is not JSON") from None
    except ConfigurationError as exc:
        raise ConfigurationError(f"{source}: {exc}") from exc


def read_or_create_keyring(path: Path) -> Keyring:
    """Read the key file; on the first start, make it with a new ES256 key.

    Workers that start together agree on one keyring. Raises `ConfigurationError`.
    """
    if not path.exists():
        with _writing_to(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The loser of a race finds the winner's file, and reads that.
            with (
                _complete_file(path, Keyring([Key.generate()])) as made,
                contextlib.suppress(FileExistsError),
            ):
                os.link(made, path)
    return read_keyring(path)


def add_key(path: Path, key: Key) -> Keyring:
    """Put a new signing key in front; make the file if there is none.

    Raises `ConfigurationError`.
    """
    with _writing_to(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyring = read_keyring(path).with_new(key) if path.exists() else Keyring([key])
        with _complete_file(path, keyring) as made:
            made.replace(path)
    return keyring


@contextlib.contextmanager
def _complete_file(path: Path, keyring: Keyring) -> Iterator[Path]:
    """Write a keyring beside `path`, whole and on disk, for the caller to put in place.

    A crash at any moment leaves the old file or the new one, never half of one.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # Mode 0600.
    made = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(keyring.to_jwks(private=True), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing_to(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ConfigurationError(f"the key file {path} cannot be written: {_why(exc)}") from exc


def _why(exc: OSError | UnicodeDecodeError) -> str:
    return (exc.strerror or str(exc)) if isinstance(exc, OSError) else "not UTF-8"
