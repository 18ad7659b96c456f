"""Worker processes and their supervisor: neither outlives the other."""

import multiprocessing
import os
import signal
import threading

from uvicorn.supervisors import Multiprocess

SILENCE_SECONDS = 20
"""Time after which a silent worker is replaced, in seconds. A start can take that long."""


class Supervisor(Multiprocess):
    """Uvicorn's supervisor, which also notices at once that a worker died during its check."""

    def keep_subprocess_alive(self) -> None:
        """Check every worker, and replace those that do not respond."""
        for process in self.processes:
            # This process's copy of the worker's end. While it is open, the pipe of a dead worker
            # looks like that of a silent one, and the check waits for its whole time limit.
            process.child_conn.close()
        super().keep_subprocess_alive()


def stop_with_supervisor() -> None:
    """Stop this worker gracefully when its supervisor ends. Without a supervisor, do nothing.

    A supervisor that is killed cannot stop its workers. They would keep the port, and answer with
    old code beside the workers that are started next.
    """
    if supervisor := multiprocessing.parent_process():
        threading.Thread(
            target=_stop_after, args=[supervisor], name="bookly: supervisor", daemon=True
        ).start()


def _stop_after(supervisor: "multiprocessing.process.BaseProcess") -> None:
    supervisor.join()  # It waits for a pipe, which the kernel closes in any case.
    os.kill(os.getpid(), signal.SIGTERM)
