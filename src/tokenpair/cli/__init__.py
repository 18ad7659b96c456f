"""The command `tokenpair`: keys, users and the database, by the settings of the environment."""

import sys
from importlib import metadata
from typing import Annotated

import typer

from tokenpair.cli import db, keys, users
from tokenpair.errors import AuthError, ConfigurationError

app = typer.Typer(
    name="tokenpair",
    help="Look after tokenpair's keys, users and database.\n\n"
    "The settings are TOKENPAIR_* in the environment or in .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(metadata.version("tokenpair"))
        raise typer.Exit


@app.callback()
def tokenpair(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before every command."""


app.add_typer(keys.app)
app.add_typer(users.app)
app.add_typer(db.app)


def main() -> None:
    """Run the command. What stops it is one line on the standard error, and status 1."""
    try:
        app()
    except (ConfigurationError, AuthError) as exc:
        print(f"tokenpair: {exc}", file=sys.stderr)  # noqa: T201  That is what it is for.
        sys.exit(1)
