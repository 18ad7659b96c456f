"""The numbers of several workers: each keeps its own in files, and whoever is asked adds them up.

This is prometheus-client's multiprocess mode. The folder is named by a variable, which it reads
once, when it is imported; so do we.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from tokenpair.errors import ConfigurationError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
IS_SHARED = FOLDER in os.environ
"""Do the metrics of this process belong to those of several?"""


@contextlib.contextmanager
def shared_folder() -> Iterator[None]:
    """Give the workers that are started in this block a folder; whose own is set, keeps that."""
    if FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="bookly-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def require_folder() -> None:
    """Require that the folder can be used. Raises `ConfigurationError`."""
    folder = os.environ[FOLDER]
    if not Path(folder).is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{FOLDER}: {folder!r} is no folder that can be written; make it, or unset the variable"
        )


class AllWorkers(Collector):
    """Adds up what all workers have counted; those that have died stand nowhere any more."""

    def collect(self) -> Iterable[Metric]:
        """Read their files."""
        folder = Path(os.environ[FOLDER])
        _forget_the_dead(folder)
        # One that is just being made is empty for a moment, and cannot be read.
        files = [str(path) for path in folder.glob("*.db") if _size(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)
        return merged


def _forget_the_dead(folder: Path) -> None:
    """Drop how dead workers stood; what they have counted stays.

    By looking, for whoever starts the workers anew may be any program.
    """
    for process in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        if process.isdecimal() and not _is_alive(int(process)):
            with contextlib.suppress(FileNotFoundError):  # Another worker was faster.
                mark_process_dead(int(process), str(folder))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # It is somebody's.
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
