"""The dashboard shows all metrics of `/metrics`, and no others."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bookly.conftest import API, Person

FILE = Path(__file__).parents[3] / "bookly" / "monitoring" / "dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
OF_PROMETHEUS = {"job", "instance"}
"""Labels that the collector adds to every series."""

SELECTOR = re.compile(r"((?:tokenpair|bookly)_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~?)"([^"]*)"')


def expressions() -> Iterator[str]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]


@pytest.fixture
async def told(client: httpx2.AsyncClient, ada: Person) -> str:
    """Return an exposition in which every metric has a sample."""
    await client.get(f"{API}/auth/me", headers=ada.headers)
    return (await client.get("/metrics")).text


def samples(told: str) -> dict[str, list[dict[str, str]]]:
    """Return the labels of all series, by name."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in told.splitlines():
        if series := re.match(r"([a-z_]+)(?:\{(.*)\})? ", line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', series[2] or ""))
            found.setdefault(series[1], []).append(labels)
    return found


async def test_every_panel_queries_metrics_and_labels_that_exist(told: str) -> None:
    known = samples(told)

    asked = [each for expression in expressions() for each in SELECTOR.findall(expression)]

    assert len(asked) >= len(PANELS)
    for name, matchers in asked:
        assert name in known
        for label, _, value in MATCHER.findall(matchers):
            if label not in OF_PROMETHEUS | {"status"}:
                values = {labels[label] for labels in known[name]}
                assert set(value.split("|")) <= values


async def test_every_panel_groups_by_labels_that_exist(told: str) -> None:
    known = samples(told)

    for expression in expressions():
        for label in re.findall(r"by \((\w+)\)", expression):
            (name, _), *_ = SELECTOR.findall(expression)
            assert label in OF_PROMETHEUS | set(known[name][0])


async def test_every_metric_is_shown(told: str) -> None:
    told_of = set(re.findall(r"^# TYPE (\w+)", told, flags=re.MULTILINE))
    shown = {name for each in expressions() for name, _ in SELECTOR.findall(each)}

    assert told_of <= {re.sub("_(count|bucket)$", "", name) for name in shown}


def test_every_panel_has_a_description_and_overlaps_no_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


def test_the_operator_chooses_the_data_source() -> None:
    """With a fixed name, the panels would be empty on other installations."""
    sources = {json.dumps(each["datasource"]) for each in PANELS}
    sources |= {json.dumps(each["datasource"]) for panel in PANELS for each in panel["targets"]}

    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert DASHBOARD["templating"]["list"][0]["name"] == "datasource"
