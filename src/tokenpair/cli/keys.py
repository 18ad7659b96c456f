"""`tokenpair keys`: the signing keys."""

from pathlib import Path
from typing import Annotated

import typer

from tokenpair.auth import key_file_path, load_keyring
from tokenpair.core.keyring import ALGORITHMS, DEFAULT_ALGORITHM, Key
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import add_key, read_keyring
from tokenpair.settings import PREFIX, Settings

app = typer.Typer(name="keys", help="The signing keys.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The key file. By default the one that the settings name."
    ),
]
Algorithm = Annotated[
    str, typer.Option("--algorithm", help=f"One of {', '.join(ALGORITHMS)}.", metavar="NAME")
]


@app.command("new")
def new(file: File = None, algorithm: Algorithm = DEFAULT_ALGORITHM) -> None:
    """Make a new key. It signs from the next start on; the older ones still verify.

    The file is made where there is none, readable by its owner alone.
    """
    if file is None:
        settings = Settings.read()
        if settings.keys:
            raise ConfigurationError(f"{PREFIX}KEYS holds the keys: give a --file to write to")
        file = key_file_path(settings)
    keyring = add_key(file, Key.generate(algorithm))
    typer.echo(f"{keyring.signing.kid}  {algorithm}  added to {file}")
    if len(keyring.keys) > 1:
        typer.echo("Restart every worker: one that does not know the key refuses its tokens.")


@app.command("list")
def list_keys(file: File = None) -> None:
    """List the keys, newest first: id, algorithm, and which one signs. Shows no secret."""
    if file is None and not (settings := Settings.read()).keys:
        file = key_file_path(settings)
    # Never made here: who only looks, changes nothing.
    keyring = read_keyring(file) if file else load_keyring(settings)
    for key in keyring.keys:
        role = "signs" if key is keyring.signing else "verifies"
        typer.echo(f"{key.kid}  {key.algorithm:<7}  {role}")
