"""What a command asks for: a password, or whether to go on. Never an argument: those are seen."""

import sys
from getpass import getpass

from tokenpair.core.accounts.password_policy import MAX_PASSWORD_LENGTH
from tokenpair.errors import ConfigurationError

_MAX_BYTES = 4 * MAX_PASSWORD_LENGTH + len("\r\n")


def read_password(prompt: str) -> str:
    """Ask for a new password twice, or read it from the standard input if that is no terminal.

    There, it is one line of UTF-8. Raises `ConfigurationError`.
    """
    if not sys.stdin.isatty():
        return _from_standard_input()
    try:
        password = getpass(f"{prompt}: ")
        again = getpass("The same again: ")
    except EOFError as exc:
        raise ConfigurationError("there was no password; nothing was changed") from exc
    if password != again:
        raise ConfigurationError("the two passwords differ; nothing was changed")
    return password


def read_known_password(prompt: str) -> str:
    """Ask for a password that exists, or read it as `read_password` does.

    Raises `ConfigurationError`.
    """
    if not sys.stdin.isatty():
        return _from_standard_input()
    try:
        return getpass(f"{prompt}: ")
    except EOFError as exc:
        raise ConfigurationError("there was no password; nothing was changed") from exc


def read_line(prompt: str, option: str) -> str:
    """Ask for one line. Raises `ConfigurationError`; `option` is what it advises to use."""
    if not sys.stdin.isatty():
        raise ConfigurationError(f"there is no terminal to ask: add {option}")
    try:
        return input(f"{prompt}: ").strip()
    except EOFError as exc:
        raise ConfigurationError(f"nothing was typed: add {option}") from exc


def _from_standard_input() -> str:
    line, *others = sys.stdin.buffer.read(_MAX_BYTES + 1).splitlines(keepends=True) or [b""]
    if not line.rstrip(b"\r\n"):
        raise ConfigurationError(
            "the standard input has no password: write it there, as one line; nothing was changed"
        )
    if others:
        raise ConfigurationError("the standard input has more than one line: write the password")
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as exc:
        raise ConfigurationError("the password on the standard input is not in UTF-8") from exc


def require_yes(question: str) -> None:
    """Ask a question on the terminal. Raises `ConfigurationError` unless the answer is yes."""
    if not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask: add --yes if you are sure")
    try:
        answer = input(f"{question} [yes/no] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise ConfigurationError("nothing was changed")
