"""The command `bookly`, and `python -m bookly`."""

import os
import signal
import sys
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_SECONDS = 0.1
"""Time until a stop that Python ignored is requested again, in seconds."""


def leave(_: int, __: FrameType | None) -> NoReturn:
    """Exit with status 0: a requested stop is not a failure."""
    sys.exit(0)


def ask_again(ignored: "UnraisableHookArgs") -> None:
    """Repeat a stop that came during a finalizer: Python ignores exceptions there."""
    if isinstance(ignored.exc_value, SystemExit):
        Timer(AGAIN_SECONDS, os.kill, [os.getpid(), signal.SIGTERM]).start()
    else:
        sys.__unraisablehook__(ignored)


def leave_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end the command without a traceback."""
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    sys.unraisablehook = ask_again


def main() -> None:
    """Run the command."""
    # First of all: the import takes a second, in which the user may press Ctrl-C.
    leave_on_signals()
    from bookly.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
