"""The command `bookly`, and `python -m bookly`."""

import signal
import sys
from types import FrameType
from typing import NoReturn


def leave(_: int, __: FrameType | None) -> NoReturn:
    """Be asked to stop: to have done so is no failure."""
    sys.exit(0)


def main() -> None:
    """Run the command; Ctrl-C and SIGTERM end it quietly from its first moment on."""
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    # What follows takes a second to load, in which somebody may change their mind.
    from bookly.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
