"""`tokenpair login`, `whoami` and `logout`: this user's session at a server, with the client."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tokenpair.cli.asking import read_known_password, read_line
from tokenpair.cli.command import Command, path
from tokenpair.errors import ConfigurationError

if TYPE_CHECKING:
    from tokenpair_client import FileStore, PairAuth


def login(*, url: str | None, email: str | None, file: Path | None) -> None:
    """Log in to a server, and keep the session in a file: `tokenpair login URL`.

    URL is the address of its auth endpoints, such as https://example.com/api/v1/auth. Without it,
    log in again where you were. It asks for the password, or reads one line of the standard input.
    """
    with _client_errors():
        server = _server(_store(file))
        if url and server and url.rstrip("/") != server:
            raise ConfigurationError(f"you are logged in to {server}: run tokenpair logout first")
        auth = _auth(url or server, file)
        email = email or read_line("E-mail address", "--email")
        auth.log_in(email, read_known_password("Password"))
    print(f"logged in to {url or server}")


def whoami(*, file: Path | None) -> None:
    """Show the account that is logged in: id, address and roles, as the server knows it."""
    with _client_errors():
        import httpx2  # noqa: PLC0415 - an extra.

        server = _server(_store(file))
        try:
            answer = httpx2.get(f"{server}/me", auth=_auth(server, file), timeout=10)
        except (httpx2.HTTPError, ValueError) as exc:  # The latter, for a redirect to no address.
            raise ConfigurationError(
                f"the server did not answer ({type(exc).__name__}); try again later"
            ) from exc
    try:
        user = answer.raise_for_status().json()
        shown = (user["id"], user["email"], ",".join(user["roles"]) or "-")
    except (httpx2.HTTPStatusError, ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError(
            f"the answer is not an account (status {answer.status_code}); check the URL"
        ) from None
    # The server's text must not control the terminal.
    print("  ".join("".join(filter(str.isprintable, str(each))) for each in shown))


def logout(*, everywhere: bool, file: Path | None) -> None:
    """End the session and forget it. If the server is unreachable, nothing is forgotten."""
    with _client_errors():
        server = _server(_store(file))
        if server is None:
            print("you are not logged in")
            return
        _auth(server, file).log_out(everywhere=everywhere)
    print(f"logged out of {server}")


@contextmanager
def _client_errors() -> Iterator[None]:
    """Turn the client's errors into those that the command prints."""
    try:
        from tokenpair_client import ClientError  # noqa: PLC0415 - an extra.
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            "the client is not installed: pip install 'tokenpair[client]'"
        ) from exc
    try:
        yield
    except ClientError as exc:
        raise ConfigurationError(str(exc)) from exc


def _auth(url: str | None, file: Path | None) -> "PairAuth":
    from tokenpair_client import PairAuth  # noqa: PLC0415 - an extra.

    if url is None:
        raise ConfigurationError("not logged in: run tokenpair login URL")
    try:
        return PairAuth(url, store=_store(file))
    except ValueError as exc:
        raise ConfigurationError(str(exc)) from exc


def _store(file: Path | None) -> "FileStore":
    from tokenpair_client import FileStore  # noqa: PLC0415 - an extra.

    return FileStore(_default_file() if file is None else file)


def _server(store: "FileStore") -> str | None:
    pair = store.read()
    return None if pair is None else pair.server


def _default_file() -> Path:
    """Return where the user's programs keep such things."""
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "tokenpair" / "session.json"


def _url_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "url", nargs="?", metavar="URL", help="The address of the server's auth endpoints."
    )


def _email_option(parser: ArgumentParser) -> None:
    parser.add_argument("--email", metavar="EMAIL", help="The account's e-mail address.")


def _file_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        type=path,
        metavar="FILE",
        help="The file of the session, in place of ~/.local/state/tokenpair/session.json.",
    )


def _everywhere_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--everywhere", action="store_true", help="End all sessions of the account."
    )


COMMANDS = (
    Command("login", login, [_url_argument, _email_option, _file_option]),
    Command("whoami", whoami, [_file_option]),
    Command("logout", logout, [_everywhere_option, _file_option]),
)
