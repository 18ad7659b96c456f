"""`tokenpair keys`: the signing keys."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tokenpair.cli.command import Command, Group, path
from tokenpair.core.tokens.key import Key, KeyState
from tokenpair.core.tokens.key_rotation import TooEarly, compromise, publish, retire, rotate
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.material import ALGORITHMS, DEFAULT_ALGORITHM
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import change_keyring, read_keyring
from tokenpair.keys import KeySource, key_file_path
from tokenpair.settings import PREFIX, Settings

_MEANINGS = {
    KeyState.SIGNING: "signs and verifies",
    KeyState.PUBLISHED: "verifies",
    KeyState.RENEWAL_ONLY: "verifies only refresh tokens",
}


def new(*, file: Path | None, algorithm: str) -> None:
    """Make a new key. It is published at once, and signs after `tokenpair keys rotate`.

    A missing file is created, readable only by its owner. The first key of a new file signs.
    """
    key_file = _key_file(file)
    now = datetime.now(UTC)
    key = Key.generate(algorithm, since=now)
    _change(key_file, lambda keyring: publish(keyring, key, now), first=key)
    print(f"{key.kid}  {algorithm}  added to {key_file}")


def list_keys(*, file: Path | None) -> None:
    """List the keys, newest first: id, algorithm, state and its start. Shows no secret."""
    if file:
        keyring = read_keyring(file)
    elif (settings := Settings.read()).keys:
        keyring = KeySource.from_settings(settings).keyring
    else:  # Listing makes no key file.
        keyring = read_keyring(key_file_path(settings))
    _show(keyring)


def rotate_keys(*, file: Path | None, early: bool) -> None:
    """Let the new key sign. The old one still verifies, until `tokenpair keys retire`.

    Refused within 5 minutes of `tokenpair keys new`: verifiers may cache the public keys for that
    long.
    """
    try:
        rotated = _change(
            _key_file(file), lambda keyring: rotate(keyring, datetime.now(UTC), early=early)
        )
    except TooEarly as exc:
        advice = "or add --early if no other service verifies your tokens"
        raise ConfigurationError(f"{exc}, {advice}") from exc
    _show(rotated)


def retire_keys(*, file: Path | None) -> None:
    """Retire old keys as soon as that is safe. Run it from a timer, at any interval.

    A key that no longer signs verifies only refresh tokens once its access tokens have expired,
    and is removed once its refresh tokens have.
    """
    lifetimes = Settings.read().lifetimes
    _show(_change(_key_file(file), lambda keyring: retire(keyring, datetime.now(UTC), lifetimes)))


def compromised_key(*, kid: str, file: Path | None) -> None:
    """Refuse all access tokens of a leaked key. If it was signing, another takes over.

    No user is logged out: refresh tokens cannot be forged with the key alone, and still renew.
    """
    _show(_change(_key_file(file), lambda keyring: compromise(keyring, kid, datetime.now(UTC))))


def _key_file(file: Path | None) -> Path:
    if file:
        return file
    settings = Settings.read()
    if settings.keys:
        raise ConfigurationError(f"{PREFIX}KEYS holds the keys: name the file to write with --file")
    return key_file_path(settings)


def _change(
    key_file: Path, change: Callable[[Keyring], Keyring], *, first: Key | None = None
) -> Keyring:
    """Change a key file; a missing one is made with its `first` key, or is an error."""

    def changed(keyring: Keyring | None) -> Keyring:
        if keyring:
            return change(keyring)
        if first:
            return Keyring([first])
        raise ConfigurationError(
            f"there is no key file {key_file}; make one with tokenpair keys new"
        )

    return change_keyring(key_file, changed)


def _show(keyring: Keyring) -> None:
    for key in keyring.keys:
        since = f"since {key.since:%Y-%m-%d %H:%M:%S}Z" if key.since else ""
        meaning = _MEANINGS[key.state]
        print(f"{key.kid}  {key.algorithm:<7}  {key.state.value:<12}  {since}  {meaning}")


def _file_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        type=path,
        metavar="FILE",
        help="The key file. By default the one that the settings name.",
    )


def _algorithm_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--algorithm",
        default=DEFAULT_ALGORITHM,
        metavar="NAME",
        help=f"One of {', '.join(ALGORITHMS)} (default: %(default)s).",
    )


def _early_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--early",
        action="store_true",
        help="Do not wait until every verifier has fetched the new key.",
    )


def _kid_argument(parser: ArgumentParser) -> None:
    parser.add_argument("kid", metavar="ID", help="The key's id.")


GROUP = Group(
    "keys",
    "The signing keys. Running workers use a changed file within seconds.",
    [
        Command("new", new, [_file_option, _algorithm_option]),
        Command("list", list_keys, [_file_option]),
        Command("rotate", rotate_keys, [_file_option, _early_option]),
        Command("retire", retire_keys, [_file_option]),
        Command("compromised", compromised_key, [_kid_argument, _file_option]),
    ],
)
