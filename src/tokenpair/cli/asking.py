"""What a command asks the operator."""

import sys

from tokenpair.errors import ConfigurationError


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
