"""Which tests run, in how many processes, and the servers that they share."""

import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import PostgresServer, postgres
from tests.waiting import give_servers_time

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WORKERS_PER_CORE = 2
"""Number of processes per core; tests spend half of their time waiting for servers and the disk."""

MAX_WORKERS = 8
"""Largest number of processes; each of them starts a PostgreSQL."""

SLOW = (
    *("tests/faults/", "tests/packaging/", "tests/bookly/", "tests/docs/", "tests/stores/"),
    "tests/deploy/",
)
"""Folders with long test files. They start first, so that none of them starts at the end."""

LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too")


def pytest_configure(config: pytest.Config) -> None:
    # Python's default of 700 objects has a fifth of the time spent on looking for garbage.
    gc.set_threshold(100_000, 20, 20)
    config.stash[LEFT_OUT] = Counter()
    # How long an example takes says more about the machine than about the code.
    settings.register_profile(
        "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("patient")
    give_servers_time()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    option = config.option
    return number_of_workers(config.args, is_chosen=bool(option.keyword or option.markexpr))


def number_of_workers(arguments: Sequence[str], *, is_chosen: bool) -> int:
    """Return how many processes run the tests; 0 where one process is quicker.

    `is_chosen` tells whether -k or -m picks some of the tests.
    """
    if is_chosen or not all(Path(each).is_dir() for each in arguments):
        return 0
    return min(WORKERS_PER_CORE * len(os.sched_getaffinity(0)), MAX_WORKERS)


@pytest.hookimpl(tryfirst=True)  # Before xdist, which reads the groups.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        leave_out_long(config, items)
    if os.environ.get("PYTEST_XDIST_WORKER"):
        for item in items:
            assign_to_group(item)
        items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def leave_out_long(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.stash[LEFT_OUT].update(item.nodeid.partition("::")[0] for item in left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def assign_to_group(item: pytest.Item) -> None:
    """Keep the tests of a file in one process: most files have fixtures that are slow to make.

    A test's own `xdist_group` mark takes precedence. A long test is a group by itself.
    """
    if not item.get_closest_marker("xdist_group") and not item.get_closest_marker("long"):
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Only the workers collect; this passes the result to the process that reports.
    if output := getattr(session.config, "workeroutput", None):
        counted = session.config.stash[LEFT_OUT]
        output["left_out"] = dict(counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    config: pytest.Config = getattr(node, "config")  # noqa: B009  xdist has no types.
    output: dict[str, dict[str, int]] = getattr(node, "workeroutput", {})
    # Each worker leaves out the same ones.
    config.stash[LEFT_OUT].update(Counter(output.get("left_out")) - config.stash[LEFT_OUT])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash[LEFT_OUT]
    if left_out:
        terminalreporter.section("long tests that were left out")
        for file, number in sorted(left_out.items()):
            terminalreporter.line(f"{number:>3}  {file}")
        terminalreporter.line("To run them, too: ./run test --long")


def pytest_collection_finish() -> None:
    gc.freeze()  # `collected` need not look at the modules and the list of tests.


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Collect the garbage of each file: what it left open is an error there, and not in another."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one server for each process of the run, when its first test asks for it."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Make an empty database for one test; the URL names no driver (`postgresql://`)."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Start Debian's Chromium for the tests of a file."""
    from tests.bookly.browsing import chromium  # noqa: PLC0415  Few tests need it.

    # Another host that is this machine, for a page without https.
    with chromium("--host-resolver-rules=MAP bookly.test 127.0.0.1") as browser:
        yield browser
