"""Worker processes and their supervisors: neither outlives the other."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess
from uvicorn.supervisors.multiprocess import Process

from bookly.ops.workers import forget_the_dead

SILENCE_SECONDS = 20
"""Time after which a silent worker is replaced, in seconds. A start can take that long."""

RETRY_SECONDS = 5
"""Shortest time between two attempts to replace a worker that cannot start, in seconds."""

ENDING_SECONDS = 5
"""Longest time between the end of a worker's answers and its exit, in seconds."""

_log = logging.getLogger(__name__)


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach until they serve: their supervisor stops them.

    A terminal sends SIGINT to all processes. A worker that is still importing its libraries would
    end with a traceback. `stop_with_supervisor` ends the block in the worker.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # Processes need it, and its start unblocks the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Reloader(ChangeReload):  # type: ignore[valid-type, misc]  # Uvicorn chooses the class.
    """Uvicorn's supervisor of one worker that is restarted when the code changes."""

    def startup(self) -> None:
        """Start the worker."""
        with ctrl_c_blocked():
            super().startup()

    def restart(self) -> None:
        """Replace the worker."""
        with ctrl_c_blocked():
            super().restart()


class Supervisor(Multiprocess):
    """Uvicorn's supervisor, which also notices at once that a worker died during its check.

    If the first workers cannot start, it exits with an error. Once a worker has served, it retries
    a replacement that cannot start, for example because the database is unreachable, and the other
    workers go on.
    """

    _has_served = False
    _cannot_start = False
    _retry_at = 0.0

    def run(self) -> None:
        """Run until a signal. Exit with an error if the workers could not start."""
        super().run()
        if self._cannot_start:
            sys.exit(STARTUP_FAILURE)  # Uvicorn would exit with 0, and nothing would restart it.

    def init_processes(self) -> None:
        """Start the workers."""
        with ctrl_c_blocked():
            super().init_processes()

    def restart_all(self) -> None:
        """Replace every worker, as SIGHUP asks for."""
        with ctrl_c_blocked():
            super().restart_all()

    def handle_ttin(self) -> None:
        """Start one more worker, as SIGTTIN asks for."""
        with ctrl_c_blocked():
            super().handle_ttin()

    def keep_subprocess_alive(self) -> None:
        """Check every worker, and replace those that do not respond."""
        if self.should_exit.is_set():
            return
        for process in self.processes:
            # This process's copy of the worker's end. While it is open, the pipe of a dead worker
            # looks like that of a silent one, and the check waits for its whole time limit.
            process.child_conn.close()
            self._has_served = self._has_served or process.is_ready(SILENCE_SECONDS)
        failed = [each for each in self.processes if _has_failed(each)]
        if failed and not self._has_served:
            _log.error("worker %s could not start (%s)", failed[0].pid, failed[0].exitcode)
            self._cannot_start = True
            self.should_exit.set()
        else:
            self._replace_dead()
            # Also those that a signal made the supervisor restart or stop. A scrape would do it,
            # too, but not every server is scraped.
            forget_the_dead()

    def _replace_dead(self) -> None:
        for index, process in enumerate(self.processes):
            if process.is_alive(SILENCE_SECONDS):
                continue
            # It may be about to exit: only its exit code tells whether it has failed.
            process.process.join(ENDING_SECONDS)
            # A first worker may fail during this check. The next check ends the server.
            may_retry = self._has_served and time.monotonic() >= self._retry_at
            if _has_failed(process) and not may_retry:
                continue
            process.kill()
            process.join()
            _log.warning(
                "worker %s has ended (%s): starting another", process.pid, process.exitcode
            )
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self.processes[index] = Process(self.config, self.sockets)
            with ctrl_c_blocked():
                self.processes[index].start()


def _has_failed(process: Process) -> bool:
    # A signal's number is negative: that worker was killed, and its replacement may start.
    return (process.exitcode or 0) > 0


def stop_with_supervisor() -> None:
    """Stop this worker gracefully on Ctrl-C, and when its supervisor ends, if it has one.

    Uvicorn handles the signal by now. A second Ctrl-C ends the requests that are in progress.
    A supervisor that is killed cannot stop its workers. They would keep the port, and answer with
    old code beside the workers that are started next.
    """
    if supervisor := multiprocessing.parent_process():
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        threading.Thread(
            target=_stop_after, args=[supervisor], name="bookly: supervisor", daemon=True
        ).start()


def _stop_after(supervisor: "multiprocessing.process.BaseProcess") -> None:
    supervisor.join()  # It waits for a pipe, which the kernel closes in any case.
    os.kill(os.getpid(), signal.SIGTERM)
