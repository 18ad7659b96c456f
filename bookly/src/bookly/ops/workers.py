"""The metrics of several workers: each keeps its own in files, and the one that is scraped adds up.

This is prometheus-client's multiprocess mode. A variable names the folder. prometheus-client reads
it once, at import, and so does this module.
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
"""Whether this process shares its metrics with other workers."""


@contextlib.contextmanager
def shared_folder() -> Iterator[None]:
    """Make a folder for the workers that are started in this block, unless one is set."""
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
    """Raise `ConfigurationError` unless the folder can be used."""
    folder = os.environ[FOLDER]
    if not Path(folder).is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{FOLDER}: {folder!r} is not a writable folder; create it, or unset the variable"
        )


class AllWorkers(Collector):
    """Adds up the numbers of all workers. Gauges of workers that have died are left out."""

    def collect(self) -> Iterable[Metric]:
        """Read their files."""
        folder = Path(os.environ[FOLDER])
        _forget_the_dead(folder)
        # A file that is being created is empty for a moment, and cannot be read.
        files = [str(path) for path in folder.glob("*.db") if _size(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)
        return merged


def _forget_the_dead(folder: Path) -> None:
    """Remove the gauges of dead workers; their counters stay.

    It looks for the processes, because any program may have restarted the workers.
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
        return True  # It runs, as another user.
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
