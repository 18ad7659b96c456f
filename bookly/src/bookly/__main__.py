"""The command `bookly`, and `python -m bookly`."""

import signal
import sys
from types import FrameType
from typing import NoReturn


def leave(_: int, __: FrameType | None) -> NoReturn:
    """Exit with status 0: a requested stop is not a failure."""
    sys.exit(0)


def main() -> None:
    """Run the command. From the start, Ctrl-C and SIGTERM end it without a traceback."""
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    # This import takes a second, in which the user may press Ctrl-C.
    from bookly.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
