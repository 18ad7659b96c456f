"""The worker of `--reload` is started so that Ctrl-C does not reach it before it serves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
import uvicorn

from bookly.ops.supervision import Reloader
from tests.waiting import wait_until

FOLDER = "REPORTS"


def report(sockets: list[socket] | None) -> None:  # noqa: ARG001  As Uvicorn calls it.
    """Write whether SIGINT is blocked in this process, into a file that is named after it."""
    is_blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    draft = Path(os.environ[FOLDER], f"draft-{os.getpid()}")
    draft.write_text(str(is_blocked))
    draft.rename(draft.with_name(f"worker-{os.getpid()}"))
    signal.pause()


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Restore the handlers of the signals that the supervisor takes over."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_handlers")
def test_the_first_worker_and_its_replacement_start_without_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    config = uvicorn.Config("none:app", log_config=None)
    reloader = Reloader(config, target=report, sockets=[])

    def reports() -> list[str]:
        return [each.read_text() for each in tmp_path.glob("worker-*")]

    reloader.startup()
    wait_until(lambda: len(reports()) == 1)
    reloader.restart()
    wait_until(lambda: len(reports()) == 2)
    reloader.shutdown()

    assert reports() == ["True", "True"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
