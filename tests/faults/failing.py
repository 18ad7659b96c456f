"""A server whose workers fail in the middle of a check: python -m tests.faults.failing FACTORY.

The variable CHECKING is a file that tells the workers of the check.
"""

import os
import socket
import sys
import time
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from bookly.ops.supervision import ENDING_SECONDS, Supervisor
from bookly.ops.workers import shared_folder
from tests.waiting import LIMIT_SECONDS, wait_until

CHECKING = Path(os.environ["CHECKING"])


class Slow(Supervisor):
    """Pause each check, after its first half, until no worker answers any more."""

    def _replace_dead(self) -> None:
        CHECKING.touch()
        wait_until(lambda: not any(each.is_alive(LIMIT_SECONDS) for each in self.processes))
        super()._replace_dead()


def raises() -> ASGIApp:
    wait_until(CHECKING.exists)
    raise ZeroDivisionError


def stops() -> ASGIApp:
    wait_until(CHECKING.exists)
    return _failing


def lingers() -> ASGIApp:
    """Stop answering the supervisor some time before the exit, as a worker on a busy machine."""
    wait_until(CHECKING.exists)
    for file in Path("/proc/self/fd").iterdir():
        if file.is_socket():
            with socket.socket(fileno=os.dup(int(file.name))) as pipe:
                pipe.shutdown(socket.SHUT_RDWR)
    time.sleep(ENDING_SECONDS / 5)
    sys.exit(STARTUP_FAILURE)


async def _failing(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "lifespan.startup.failed"})


if __name__ == "__main__":
    config = uvicorn.Config(f"tests.faults.failing:{sys.argv[1]}", factory=True, workers=2)
    with shared_folder():
        Slow(config, sockets=[]).run()
