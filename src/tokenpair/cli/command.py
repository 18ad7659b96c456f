"""The parts of a command of `tokenpair`, and how the command line finds it.

To add a command, write a function and list it in its group, or in `COMMANDS` of `tokenpair.cli`.
To add an option, write a function that adds it to a parser and list that beside the command; its
value reaches the command as the keyword argument of the same name.
"""

import argparse
import difflib
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from inspect import getdoc
from pathlib import Path
from typing import NoReturn, TypeVar

Option = Callable[[argparse.ArgumentParser], object]

PROGRAM = "tokenpair"
HELP_OPTIONS = ("-h", "--help")

_HEADINGS = {"usage:": "Usage:", "positional arguments:": "Arguments:", "options:": "Options:"}


@dataclass(frozen=True, slots=True)
class Command:
    """A function, its name on the command line and its options. The docstring is its help."""

    name: str
    run: Callable[..., None]
    options: Sequence[Option] = ()

    @property
    def summary(self) -> str:
        """The first line of the help."""
        return _help(self.run).partition("\n")[0]

    def parser(self, prog: str) -> "Parser":
        """Return the parser of the arguments that follow the command's name."""
        parser = Parser(prog=prog, description=_wrapped(_help(self.run)))
        for add_to in self.options:
            add_to(parser)
        return parser


@dataclass(frozen=True, slots=True)
class Group:
    """Commands that share a first word."""

    name: str
    summary: str
    commands: Sequence[Command]


Named = TypeVar("Named", bound=Command | Group)


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line, which repeat no value of the command line."""

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument(*HELP_OPTIONS, action="help", help="Show this help and exit.")

    def error(self, message: str) -> NoReturn:
        """Write the message to the standard error and exit with status 2."""
        refuse(self.prog, message)

    def format_help(self) -> str:
        """Return the help, with headings as those of the groups."""
        text = super().format_help()
        for heading, ours in _HEADINGS.items():
            text = text.replace(heading, ours, 1)
        return text

    def values(self, arguments: Sequence[str]) -> dict[str, object]:
        """Return the options' values by name, or exit with status 2."""
        known, unknown = self.parse_known_args(arguments)
        for each in unknown:
            if each.startswith("-"):
                self.error(f"there is no option {each.partition('=')[0]}")
            self.error("too many arguments")
        return vars(known)


def run(choices: Sequence[Command | Group], summary: str, arguments: Sequence[str]) -> int:
    """Run the command that the arguments name and return the exit status."""
    if list(arguments) == ["--version"]:
        print(metadata.version(PROGRAM))
        return 0
    if _asks_for_help(arguments):
        options = [*_HELP_LINE, ("--version", "Show the version and exit.")]
        listed = [(each.name, each.summary) for each in choices]
        return _show(f"{PROGRAM} COMMAND ...", summary, options, listed, arguments)
    group = _named(arguments[0], choices, PROGRAM)
    prog, rest = f"{PROGRAM} {group.name}", arguments[1:]
    if isinstance(group, Command):
        group.run(**group.parser(prog).values(rest))
        return 0
    if _asks_for_help(rest):
        listed = [(each.name, each.summary) for each in group.commands]
        return _show(f"{prog} COMMAND ...", group.summary, _HELP_LINE, listed, rest)
    command = _named(rest[0], group.commands, prog)
    command.run(**command.parser(f"{prog} {command.name}").values(rest[1:]))
    return 0


def path(text: str) -> Path:
    """Parse the path of a file: a `type` for `add_argument`."""
    # Path("") is the current folder; an empty value is most likely an unset variable of a script.
    if not text:
        raise argparse.ArgumentTypeError("is empty; write a path")
    return Path(text)


def number(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a `type` for `add_argument` that takes a whole number between two limits."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and lowest <= int(text[:20]) <= highest:
            return int(text)
        raise argparse.ArgumentTypeError(f"must be a whole number from {lowest} to {highest}")

    return parse


def refuse(prog: str, message: str) -> NoReturn:
    """Write one line to the standard error and exit with status 2."""
    print(f"{prog}: {message}; see {prog} --help", file=sys.stderr)
    sys.exit(2)


_HELP_LINE = [(", ".join(HELP_OPTIONS), "Show this help and exit.")]


def _asks_for_help(arguments: Sequence[str]) -> bool:
    return not arguments or arguments[0] in HELP_OPTIONS


def _named(name: str, choices: Sequence[Named], prog: str) -> Named:
    by_name = {each.name: each for each in choices}
    if found := by_name.get(name):
        return found
    if name.startswith("-"):
        refuse(prog, f"there is no option {name.partition('=')[0]}")
    near = difflib.get_close_matches(name, by_name, n=1)
    *others, last = by_name
    hint = f"did you mean {near[0]}?" if near else f"choose {', '.join(others)} or {last}"
    refuse(prog, f"there is no such command; {hint}")


def _show(
    usage: str,
    summary: str,
    options: Iterable[tuple[str, str]],
    commands: Iterable[tuple[str, str]],
    arguments: Sequence[str],
) -> int:
    """Print the commands; return status 2 if the caller named none and did not ask for help."""
    print(f"Usage: {usage}\n\n{_wrapped(summary)}\n\nOptions:\n{_table(options)}\n")
    print(f"Commands:\n{_table(commands)}")
    return 0 if arguments else 2


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        textwrap.fill(text, _width(), initial_indent=f"  {name:<12}  ", subsequent_indent=" " * 16)
        for name, text in rows
    )


def _help(function: Callable[..., None]) -> str:
    return getdoc(function) or ""


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(each, _width()) for each in text.split("\n\n"))


def _width() -> int:
    return max(40, min(100, shutil.get_terminal_size().columns - 2))
