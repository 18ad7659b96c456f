"""A process that starts its app several times, and prints the metrics.

It is the only worker, with a folder for its metrics, and has no supervisor.
"""

import asyncio
import os
import resource
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from bookly.ops.metrics import Metrics
from bookly.ops.workers import forget
from tokenpair.errors import ConfigurationError
from tokenpair.testing import make_auth


async def main() -> None:
    """Start when the disk is full, and three times when it is not.

    A limit to the size of files stands in for the disk.
    """
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    _count_as_an_earlier_worker(folder / f"counter_{os.getpid()}.db")
    (left,) = [each.read_bytes() for each in folder.iterdir()]
    first, second = Metrics(make_auth()), Metrics(make_auth())
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, most))
    with pytest.raises(ConfigurationError, match="free some space"):
        async with first.followed(None):
            pass
    assert [each.read_bytes() for each in folder.iterdir()] == [left]

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    for metrics in (first, first, second):
        async with metrics.followed(None):
            metrics.requests.labels("GET", "/", "200").observe(1)
    content, _ = first.expose("")
    print(content.decode())  # noqa: T201  What the test reads.


def _count_as_an_earlier_worker(file: Path) -> None:
    """Leave what a worker leaves that had the same number, once it is forgotten."""
    counts = MmapedDict(str(file))
    counts.write_value(mmap_key("earlier_total", "earlier_total", [], [], ""), 7, 0)
    counts.close()
    forget(os.getpid())


if __name__ == "__main__":
    asyncio.run(main())
