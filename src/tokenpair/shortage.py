"""Tell a machine that has run out of something from a bug and from a wrong request."""

import errno
import os
from collections.abc import Iterator

from tokenpair.errors import Unavailable

SHORTAGES = (MemoryError, OSError, RuntimeError)
"""The exceptions of which some are about the machine: `shortage` tells which."""

_RESOURCES = {
    errno.EMFILE: "file descriptors for this process (ulimit -n)",
    errno.ENFILE: "file descriptors",
    errno.ENOMEM: "memory",
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk space",
}


def shortage(error: BaseException) -> Unavailable | None:
    """Return what to raise in place of an error about the machine; None for any other error.

    It names the resource that is short: memory, file descriptors, threads or disk space.
    """
    for each in _with_causes(error):
        if resource := _resource(each):
            return Unavailable(f"this machine is short of {resource}")
    return None


def short_of_descriptors() -> Unavailable | None:
    """Find out whether a file could be opened now, for libraries that do not say why not."""
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
    # What CPython says when the system starts no thread, for lack of memory or of processes.
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "threads, or memory for them"
    return None
