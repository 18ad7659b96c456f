"""Workers, and the process that watches over them: neither is left waiting for the other."""

import multiprocessing
import os
import signal
import threading

from uvicorn.supervisors import Multiprocess

SILENCE_SECONDS = 20
"""A worker that says nothing for so long is replaced; on a busy machine one takes long to start."""


class Supervisor(Multiprocess):
    """Uvicorn's, which also sees at once that a worker has died while it was being asked."""

    def keep_subprocess_alive(self) -> None:
        """Ask every worker whether it is well, and replace those that are not."""
        for process in self.processes:
            # Our copy of the worker's end: with it, the pipe of a dead worker looks like that of
            # a silent one, and nothing else would be done until its time is up.
            process.child_conn.close()
        super().keep_subprocess_alive()


def stop_with_supervisor() -> None:
    """Stop this process, gracefully, when the one that started it as a worker is gone.

    A supervisor that is killed cannot stop its workers: they would keep the port, and answer with
    old code beside those that are started next. Where there is no supervisor, nothing is done.
    """
    if supervisor := multiprocessing.parent_process():
        threading.Thread(
            target=_wait_for_the_end_of, args=[supervisor], name="bookly: supervisor", daemon=True
        ).start()


def _wait_for_the_end_of(supervisor: "multiprocessing.process.BaseProcess") -> None:
    supervisor.join()  # By a pipe, which the kernel closes in whatever way it ends.
    os.kill(os.getpid(), signal.SIGTERM)
