"""The option `--database-url` of every command that uses the database."""

import argparse

from tokenpair.settings import PREFIX, Settings


def database_url_option(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--database-url",
        type=_url,
        metavar="URL",
        help=f"The database, postgresql://… or sqlite:///…, in place of {PREFIX}DATABASE_URL.",
    )


def read_settings(database_url: str | None) -> Settings:
    """Read the settings, with this database if there is one. Raises `ConfigurationError`."""
    return Settings.read(database_url=database_url) if database_url else Settings.read()


def _url(text: str) -> str:
    # An empty value is most likely an unset variable of a script.
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; write a URL")
    return text
