"""The results are stored as measured, and drawn as stored."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import chart, page, report
from bench.cases import Case, always, row
from bench.figures import CPU_X, BenchError, Row, Table, X
from bench.others import PEERS
from bench.processes import Process
from bench.results import FOLDER, Results, machine
from bench.targets import TARGETS, Target, judge
from bench.traffic import Load, Traffic
from bench.venvs import REQUIREMENTS

ROOT = Path(__file__).parents[2]
REFERENCE = FOLDER / "reference.json"
OPTIONS = {"rounds": 2, "seconds": 1, "sessions": 1}


def a_case(name: str, requests: list[int], cpu: list[float], *, errors: int = 0) -> Case:
    loads = [Load(requests=each, errors=0, seconds=1, p50=1, p99=2) for each in requests]
    loads[0].errors = errors
    process = Process(pid=0, port=0)
    traffic = always(Traffic(path="/"))
    return Case(name=name, served_by=process, traffic=traffic, loads=loads, cpu=cpu)


def results(*tables: Table, **failed: str) -> Results:
    return Results(machine=machine(), options=OPTIONS, tables=list(tables), failed=failed)


def test_a_ratio_is_taken_within_a_round() -> None:
    bare = a_case("bare", [200, 50], [1.0, 4.0])
    ours = a_case("ours", [100, 50], [2.0, 4.0])

    figures = row(ours, {"bare": bare}).figures

    assert figures[f"{X}bare"] == [0.5, 1.0]
    assert figures[f"{CPU_X}bare"] == [2.0, 1.0]


def test_a_run_with_errors_is_not_a_result() -> None:
    case = a_case("ours", [100, 50], [2.0, 4.0], errors=3)
    table = Table(title="requests", rows=[row(case, {})])

    seen = results(table)

    assert "3 ERRORS" in report.text(table)
    with pytest.raises(BenchError, match="not a result: requests: 3 errors"):
        seen.require_result()


def test_neither_is_one_of_which_a_group_could_not_be_measured() -> None:
    seen = results(flood="the server did not start")

    with pytest.raises(BenchError, match="not a result: flood: the server did not start"):
        seen.require_result()


def test_what_is_no_result_is_kept_but_never_drawn(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{page.BEGIN}\n{page.END}\n")
    kept = results(Table(title="t", rows=[Row(name="r", errors=1)])).save(tmp_path / "results")

    with pytest.raises(BenchError, match="not a result: t: 1 errors"):
        page.draw(Results.load(kept), readme=readme, image=tmp_path / "chart.svg")

    assert readme.read_text() == f"{page.BEGIN}\n{page.END}\n"


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    seen = results(Table(title="t", rows=[Row(name="r", figures={"ms": [1.5, 2.5]}, note="n")]))

    path = seen.save(tmp_path)

    assert Results.load(path) == seen


@pytest.mark.parametrize("content", ["", "{}", '{"tables": [{}]}'])
def test_a_file_without_results_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)

    with pytest.raises(BenchError, match="has no results"):
        Results.load(path)


def test_a_table_shows_medians_and_spread() -> None:
    table = Table(title="t", rows=[Row(name="r", figures={"ms": [0.5, 0.75, 0.25]}, note="n")])

    assert "0.50 (0.25 - 0.75)  n" in report.text(table)
    assert "| r (n) | 0.50 (0.25 - 0.75) |" in report.markdown(table)


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 0.9}, {0.89: False, 0.9: True, 2: True}),
        ({"at_most": 100}, {0: True, 100: True, 101: False}),
        ({"at_most": 0}, {0: True, 1: False}),
    ],
    ids=str,
)
def test_a_target_is_met_from_its_bound_on(
    bounds: dict[str, float], met: dict[float, bool]
) -> None:
    target = Target(name="n", table="t", row="r", column="c", **bounds)

    assert {median: target.is_met(median) for median in met} == met


def test_the_page_and_the_chart_show_the_committed_results() -> None:
    committed = Results.load(REFERENCE)

    committed.require_result()

    text = page.README.read_text()
    assert page.with_results(text, committed) == text
    assert chart.draw(committed.tables) == page.CHART.read_text()


def test_the_committed_results_have_a_figure_for_every_target() -> None:
    committed = Results.load(REFERENCE)

    assert [each.target for each in judge(committed.tables)] == [each.name for each in TARGETS]


def test_drawing_changes_the_results_and_nothing_around_them(tmp_path: Path) -> None:
    readme, image = tmp_path / "README.md", tmp_path / "chart.svg"
    readme.write_text(f"before\n\n{page.BEGIN}\n\nold figures\n\n{page.END}\nafter\n")
    committed = Results.load(REFERENCE)

    drawn = page.draw(committed, readme=readme, image=image)

    assert drawn == [readme, image]
    text = readme.read_text()
    assert text.startswith(f"before\n\n{page.BEGIN}\n\nMeasured on ")
    assert text.endswith(f"\n\n{page.END}\nafter\n")
    assert "old figures" not in text


def test_without_peers_the_chart_stays_as_it_is(tmp_path: Path) -> None:
    readme, image = tmp_path / "README.md", tmp_path / "chart.svg"
    readme.write_text(f"{page.BEGIN}\n{page.END}\n")
    committed = Results.load(REFERENCE)
    alone = dataclasses.replace(committed, tables=committed.tables[:-2])

    drawn = page.draw(alone, readme=readme, image=image)

    assert drawn == [readme]
    assert not image.exists()


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.module)
def test_each_peer_has_its_app_and_a_list_of_exact_versions(peer: object) -> None:
    module = getattr(peer, "module")  # noqa: B009

    versions = (REQUIREMENTS / f"{module}.txt").read_text().splitlines()

    assert (ROOT / f"bench/peers/{module}.py").exists()
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.a-z]+", line) for line in versions)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "speed"], "invalid choice: 'speed'"),
        (["--rounds", "0"], "must be positive"),
        (["--seconds", "-1"], "must be positive"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert complaint in done.stderr


def test_what_is_no_file_of_results_ends_with_status_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--draw", str(tmp_path / "none.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bench: ")
