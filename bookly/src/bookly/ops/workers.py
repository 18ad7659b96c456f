"""The metrics of several workers: each keeps its own in files, and the one that is scraped adds up.

This is prometheus-client's multiprocess mode. A variable names the folder. prometheus-client reads
it once, at import, and so does this module.

prometheus-client maps files with holes into memory. If the disk is full when a hole is written, the
kernel kills the worker. So each worker reserves the space of its files at the end of its start.
"""

import contextlib
import os
import sys
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

_RESERVED = {"counter": 2**16, "gauge_livemax": 2**16, "gauge_livesum": 2**16, "histogram": 2**19}
"""Space for each kind of file, in bytes. The histogram's is enough for 100 routes and statuses."""


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


def reserve_space() -> None:
    """Create all files of this worker, or none. Files that are large enough are left alone.

    A file is filled with zeros, which works on every system. If its file system copies what is
    overwritten, such as Btrfs, or compresses it, a full disk can still kill the worker.

    Raises `ConfigurationError` if the disk is full.
    """
    folder = Path(os.environ[FOLDER])
    try:
        with tempfile.TemporaryDirectory(dir=folder) as drafts:
            _draft_files(Path(drafts))
            for draft in Path(drafts).iterdir():
                draft.replace(folder / draft.name)
    except OSError as exc:
        raise ConfigurationError(
            f"the metrics need {sum(_RESERVED.values())} bytes in {folder}, which cannot be "
            f"written: {exc.strerror}; free some space, or set {FOLDER} to another folder"
        ) from exc


def _draft_files(drafts: Path) -> None:
    """Write those of this worker's files that do not have their space yet."""
    for kind, size in _RESERVED.items():
        path = _file(kind, os.getpid())
        # If the app starts again in one process, prometheus-client has the file open, and would go
        # on counting in the one that was replaced.
        if _size(path) >= size:
            continue
        # An earlier worker may have had the same number: its counts stay.
        content = path.read_bytes() if path.exists() else b""
        (drafts / path.name).write_bytes(content.ljust(size, b"\0"))


class AllWorkers(Collector):
    """Adds up the numbers of all workers. Gauges of workers that have died are left out."""

    def collect(self) -> Iterable[Metric]:
        """Read their files."""
        folder = Path(os.environ[FOLDER])
        forget_the_dead()
        # A file that is being created is empty for a moment, and cannot be read.
        files = [str(path) for path in folder.glob("*.db") if _size(path)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)
        return merged


def forget(process: int) -> None:
    """Remove a dead worker's gauges, and free the space that its other files do not use.

    Their counts stay: without them, the sums would fall. Files that are missing, or that cannot be
    changed, are left alone.
    """
    for kind in ("counter", "histogram"):
        _trim(_file(kind, process))
    # Last, because a worker that has gauges is one that is not yet forgotten.
    with contextlib.suppress(OSError):
        mark_process_dead(process, os.environ[FOLDER])


def forget_the_dead() -> None:
    """Forget each dead worker with files in the folder, no matter which program had started it."""
    gauges = Path(os.environ[FOLDER]).glob("gauge_live*.db")
    for process in {path.stem.rpartition("_")[2] for path in gauges}:
        if process.isdecimal() and not _is_alive(int(process)):
            forget(int(process))


def _file(kind: str, process: int) -> Path:
    return Path(os.environ[FOLDER]) / f"{kind}_{process}.db"


def _trim(path: Path) -> None:
    """Free the space behind a file's content. The first four bytes are the content's length."""
    with contextlib.suppress(OSError), path.open("r+b") as file:
        used = int.from_bytes(file.read(4), sys.byteorder)
        file.truncate(used)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # It runs, as another user.
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
