"""The command `bookly`, and `python -m bookly`."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def stop(number: int, _: FrameType | None) -> NoReturn:
    """End this process at once, without a traceback.

    Uvicorn calls it, too, when a server's lifespan has ended. Threads that still run are cut off.

    An exception could be lost: Python ignores it in a finalizer, and a library can catch it or
    raise another one. The status is 0 if a server stops, because it was asked to, and otherwise
    128 + the signal's number, because the command has not done its work.
    """
    os._exit(0 if sys.argv[1:2] == ["serve"] else 128 + number)


def main() -> None:
    """Run the command."""
    # First of all: the import takes a second, in which the user may press Ctrl-C. A server replaces
    # these handlers while it runs.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    from bookly.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
