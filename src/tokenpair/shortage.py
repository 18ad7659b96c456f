"""Tell a machine that lacks a resource from a bug and from an invalid request."""

import errno
import os
from collections.abc import Iterator

from tokenpair.errors import Unavailable

SHORTAGES = (MemoryError, OSError, RuntimeError)
"""Exceptions that may mean a lack of a resource; `shortage` tells which do."""

_RESOURCES = {
    errno.EMFILE: "file descriptors for this process (ulimit -n)",
    errno.ENFILE: "file descriptors",
    errno.ENOMEM: "memory",
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk space",
}


def shortage(error: BaseException) -> Unavailable | None:
    """Return the error to raise if `error` means a lack of a resource; None otherwise.

    It names the resource: memory, file descriptors, threads or disk space.
    """
    for each in _with_causes(error):
        if resource := _resource(each):
            return Unavailable(f"this machine is short of {resource}")
    return None


def short_of_descriptors() -> Unavailable | None:
    """Return the error to raise if no file can be opened now; for libraries that hide the cause."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as exc:
        return shortage(exc)
    return None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__


def _resource(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, OSError):
        return _RESOURCES.get(error.errno or 0)
    # CPython's message when the system starts no thread, for lack of memory or of processes.
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "threads, or memory for them"
    return None
