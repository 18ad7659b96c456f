"""The command `tokenpair`, and `python -m tokenpair`."""

import os
import signal
from types import FrameType
from typing import NoReturn


def stop(_: int, __: FrameType | None) -> NoReturn:
    """End this process at once, with the status of a command that Ctrl-C has stopped.

    An exception would print a traceback, and a library that is being imported can raise another one
    in its place.
    """
    os._exit(130)


def main() -> None:
    """Run the command."""
    # A program in the background of a script ignores Ctrl-C.
    is_ignored = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    if not is_ignored:
        # The import takes a second, in which the user may press Ctrl-C.
        signal.signal(signal.SIGINT, stop)
    from tokenpair.cli import main as run  # noqa: PLC0415

    if not is_ignored:
        # From here on, a question for a password must be able to repair the terminal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
