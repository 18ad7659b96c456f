"""The groups run from end to end without errors. Tests do not judge the speed.

`peers` does not run, because it installs other libraries. `revocation` starts sixteen servers: only
one of its four measurements runs.
"""

from collections.abc import Iterable
from types import ModuleType

import pytest

from bench.figures import Table
from bench.groups import codec, flood, growth, renewals, requests, revocation, start, workers
from bench.results import FOLDER, Results
from bench.run import Run
from bench.targets import TARGETS, judge

pytestmark = pytest.mark.long


def is_whole(table: Table) -> bool:
    """Does every row have figures, and no row an error?"""
    return not table.errors and all(row.figures for row in table.rows)


def names(tables: Iterable[Table]) -> dict[str, list[str]]:
    """Return the rows of all tables by name."""
    return {table.title: [row.name for row in table.rows] for table in tables}


REFERENCE = Results.load(FOLDER / "reference.json")
GROUPS = [codec, requests, renewals, workers, flood, growth, start]


@pytest.mark.parametrize("group", GROUPS, ids=lambda each: each.__name__.rpartition(".")[2])
async def test_the_group_measures_all_that_its_targets_need(group: ModuleType, run: Run) -> None:
    tables = await group.run(run)

    assert all(map(is_whole, tables))
    assert names(tables).items() <= names(REFERENCE.tables).items(), (
        "reference.json has other rows: run the bench again, and replace it"
    )
    titles = {table.title for table in tables}
    assert len(judge(tables)) == sum(target.table in titles for target in TARGETS) > 0


async def test_a_log_out_is_timed_at_the_three_other_workers(run: Run) -> None:
    url = run.databases.postgresql()

    row = await revocation.measure(revocation.ON_POSTGRESQL, url, "own", log_outs=2)

    assert row.figures[revocation.SAMPLES] == [6]
    assert is_whole(Table(title=revocation.TITLE, rows=[row]))
