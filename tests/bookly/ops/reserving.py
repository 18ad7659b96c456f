"""A worker process that reserves space; a module of its own, because it imports little."""

import os
import resource
from pathlib import Path

import pytest

from bookly.ops.workers import reserve_space
from tokenpair.errors import ConfigurationError


def reserve_twice(folder: Path) -> None:
    """As a worker, reserve when the disk is full, and once more when it is not.

    A limit to the size of files stands in for the disk. An earlier worker had the same number.
    """
    (folder / f"counter_{os.getpid()}.db").write_bytes(b"counts")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, most))
    with pytest.raises(ConfigurationError, match="free some space"):
        reserve_space()
    assert [each.read_bytes() for each in folder.iterdir()] == [b"counts"]

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    reserve_space()
