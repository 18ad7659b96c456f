"""`tokenpair keys`: the signing keys."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tokenpair.assembly import key_file_path, load_keyring
from tokenpair.core.key import ALGORITHMS, DEFAULT_ALGORITHM, Key, KeyState
from tokenpair.core.keyring import Keyring
from tokenpair.core.rotation import compromise, publish, retire, rotate
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import change_keyring, read_keyring
from tokenpair.settings import PREFIX, Settings

app = typer.Typer(
    name="keys",
    help="The signing keys. Running workers take up a change within seconds.",
    no_args_is_help=True,
)

File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The key file. By default the one that the settings name."
    ),
]
Algorithm = Annotated[
    str, typer.Option("--algorithm", help=f"One of {', '.join(ALGORITHMS)}.", metavar="NAME")
]

_MEANINGS = {
    KeyState.SIGNING: "signs and verifies",
    KeyState.PUBLISHED: "verifies",
    KeyState.RENEWAL_ONLY: "verifies refresh tokens alone",
}


@app.command("new")
def new(file: File = None, algorithm: Algorithm = DEFAULT_ALGORITHM) -> None:
    """Make a new key. It is published at once, and signs after `tokenpair keys rotate`.

    The file is made where there is none, readable by its owner alone; its first key signs.
    """
    path = _path(file)
    now = datetime.now(UTC)
    key = Key.generate(algorithm, since=now)
    _change(path, lambda keyring: publish(keyring, key, now), first=key)
    typer.echo(f"{key.kid}  {algorithm}  added to {path}")


@app.command("list")
def list_keys(file: File = None) -> None:
    """List the keys, newest first: id, algorithm, state, and since when. Shows no secret."""
    if file:
        keyring = read_keyring(file)
    elif (settings := Settings.read()).keys:
        keyring = load_keyring(settings)
    else:  # Never made here: who only looks, changes nothing.
        keyring = read_keyring(key_file_path(settings))
    _show(keyring)


@app.command("rotate")
def rotate_keys(
    file: File = None,
    early: Annotated[
        bool, typer.Option("--early", help="Do not wait until every verifier knows the new key.")
    ] = False,
) -> None:
    """Let the new key sign. The old one still verifies, until `tokenpair keys retire`.

    Refused within 5 minutes of `tokenpair keys new`: so long a verifier may keep the public keys.
    """
    _show(_change(_path(file), lambda keyring: rotate(keyring, datetime.now(UTC), early=early)))


@app.command("retire")
def retire_keys(file: File = None) -> None:
    """Take every step down that is due: run it as often as you like, from a timer, say.

    A key that no longer signs verifies nothing but refresh tokens once its access tokens are
    dead, and is removed once its refresh tokens are.
    """
    lifetimes = Settings.read().lifetimes
    _show(_change(_path(file), lambda keyring: retire(keyring, datetime.now(UTC), lifetimes)))


@app.command("compromised")
def compromised_key(
    kid: Annotated[str, typer.Argument(help="The key's id.", metavar="ID")], file: File = None
) -> None:
    """Believe no access token of a leaked key any more. If it was signing, another takes over.

    Nobody is logged out: refresh tokens cannot be forged with the key alone, and still renew.
    """
    _show(_change(_path(file), lambda keyring: compromise(keyring, kid, datetime.now(UTC))))


def _path(file: Path | None) -> Path:
    if file:
        return file
    settings = Settings.read()
    if settings.keys:
        raise ConfigurationError(f"{PREFIX}KEYS holds the keys: give a --file to write to")
    return key_file_path(settings)


def _change(
    path: Path, change: Callable[[Keyring], Keyring], *, first: Key | None = None
) -> Keyring:
    """Change a key file; one that is missing is made with its `first` key, or not at all."""

    def changed(keyring: Keyring | None) -> Keyring:
        if keyring:
            return change(keyring)
        if first:
            return Keyring([first])
        raise ConfigurationError(f"there is no key file {path}; make one with tokenpair keys new")

    return change_keyring(path, changed)


def _show(keyring: Keyring) -> None:
    for key in keyring.keys:
        since = f"since {key.since:%Y-%m-%d %H:%M:%S}Z" if key.since else ""
        meaning = _MEANINGS[key.state]
        typer.echo(f"{key.kid}  {key.algorithm:<7}  {key.state.value:<12}  {since}  {meaning}")
