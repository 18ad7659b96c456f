"""A server whose workers fail in the middle of a check: python -m tests.faults.failing FACTORY.

The variable CHECKING is a file that tells the workers of the check.
"""

import os
import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bookly.ops.supervision import Supervisor
from bookly.ops.workers import shared_folder
from tests.waiting import wait_until

CHECKING = Path(os.environ["CHECKING"])


class Slow(Supervisor):
    """Pause each check, after its first half, until all workers have failed."""

    def _replace_dead(self) -> None:
        CHECKING.touch()
        for each in self.processes:
            each.join()
        super()._replace_dead()


def raises() -> ASGIApp:
    wait_until(CHECKING.exists)
    raise ZeroDivisionError


def stops() -> ASGIApp:
    wait_until(CHECKING.exists)
    return _failing


async def _failing(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "lifespan.startup.failed"})


if __name__ == "__main__":
    config = uvicorn.Config(f"tests.faults.failing:{sys.argv[1]}", factory=True, workers=2)
    with shared_folder():
        Slow(config, sockets=[]).run()
