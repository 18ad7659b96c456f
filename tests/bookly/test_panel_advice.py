"""The token panel's advice: a visitor who follows it finds the thief out, after any clicks."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import IO

import pytest

import bookly.web
from bookly.web.demo.routes import TIMES
from bookly.web.demo.service import RULES, Demo, make_auth
from bookly.web.demo.sessions import DemoSession
from tests.tools import program
from tokenpair.testing import FakeClock

pytestmark = pytest.mark.long

ASKING = Path(__file__).with_name("advice.mjs")
WORDS = Path(bookly.web.__file__).parent / "static" / "panel" / "words.js"
CLICKS = ("twice", "thief", "lose", "repeat", "superseded")
"""What a visitor may do in any order. The last two: wait until that window is over."""
LIMIT = 40
"""Number of steps that the advice may take, each a renewal or one second."""


@dataclass
class Panel:
    """The panel's words, in a program of Node."""

    questions: IO[str]
    answers: IO[str]

    def advice(self, session: DemoSession, clock: FakeClock) -> str:
        """Return what the panel says now."""
        told = {"session": session.as_json(1), "times": TIMES, "now": clock().timestamp() * 1_000}
        self.questions.write(json.dumps(told) + "\n")
        self.questions.flush()
        return str(json.loads(self.answers.readline()))


@dataclass
class Visit:
    """A session after its theft, and what its visitor does."""

    demo: Demo
    session: DemoSession
    clock: FakeClock
    token: str = field(repr=False)

    async def click(self, name: str) -> None:
        match name:
            case "twice":
                await asyncio.gather(self.renew(), self.renew())
            case "thief":
                assert self.session.theft
                await self.demo.renew_stolen(self.session, self.session.theft.handle)
            case "lose":
                self.session.loses_next = True
                await self.renew()
                await self.renew()
            case window:
                self.clock.advance(getattr(RULES.windows, window))
                self.clock.advance(seconds=1)

    async def renew(self) -> None:
        renewal = await self.demo.renew(self.session, self.token, tab=1)
        if renewal.pair and not renewal.entry.is_lost:
            self.token = renewal.pair.refresh_token


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    with subprocess.Popen(
        [program("node"), ASKING, WORDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdin
        assert node.stdout
        yield Panel(node.stdin, node.stdout)


async def stolen(clock: FakeClock) -> Visit:
    """Return a visit at whose start the token was stolen."""
    demo = Demo(make_auth(clock))
    session, pair = await demo.start()
    demo.steal(session, pair.refresh_token)
    return Visit(demo, session, clock, pair.refresh_token)


async def follow(panel: Panel, visit: Visit) -> list[str]:
    """Do what the panel says until the session ends. Return what it said, without repetitions."""
    said: list[str] = []
    for _ in range(LIMIT):
        if visit.session.ended:
            return said
        advice = panel.advice(visit.session, visit.clock)
        if advice not in said[-1:]:
            said.append(advice)
        if "Wait" in advice:
            visit.clock.advance(seconds=1)
        else:
            await visit.click(step_of(advice))
    pytest.fail(f"the advice leads nowhere: {said}")


def step_of(advice: str) -> str:
    if "Press “Renew twice at once”" in advice:
        return "twice"
    assert "Let the thief renew now" in advice, f"it names no step: {advice}"
    return "thief"


async def test_it_leads_to_the_end_after_any_clicks(panel: Panel, clock: FakeClock) -> None:
    for clicks in product(CLICKS, repeat=3):
        visit = await stolen(clock)
        for name in clicks:
            await visit.click(name)

        await follow(panel, visit)

        assert visit.session.ended == "replay", clicks


async def test_it_says_why_renewals_in_haste_do_not_part_the_lines(
    panel: Panel, clock: FakeClock
) -> None:
    visit = await stolen(clock)
    for name in ("superseded", "thief", "twice", "thief", "twice"):
        await visit.click(name)

    said = await follow(panel, visit)

    assert said[0] == (
        "You both renewed within 5 s, so you and the thief hold the same refresh token again. "
        "Wait until it is 10 s old, then let the thief renew."
    )
    assert [each.partition(".")[0] for each in said[2:]] == [
        "The thief has renewed",
        "The thief has renewed",
        "The lines have parted",
        "The lines have parted",
        "Your line is in use",
    ]


async def test_after_a_renewal_the_thief_waits_for_the_repeat_window(
    panel: Panel, clock: FakeClock
) -> None:
    visit = await stolen(clock)
    for name in ("superseded", "twice"):
        await visit.click(name)

    said = await follow(panel, visit)

    assert [each.partition(",")[0] for each in said[:2]] == [
        "You have renewed. Wait 5 s before the thief renews",
        "You have renewed. Let the thief renew now",
    ]


async def test_a_loss_is_told_together_with_the_next_step(panel: Panel, clock: FakeClock) -> None:
    visit = await stolen(clock)
    visit.session.loses_next = True

    assert panel.advice(visit.session, clock) == (
        "The answer to your next renewal will be lost. The thief holds a copy of your refresh "
        "token. Wait until it is 10 s old, then let the thief renew."
    )
