"""The promises of the renewal rule, checked in every state of some small worlds.

The last tests run the usual ways to renew, and this rule without some details, and find what is
wrong with each: a checker that finds nothing wrong there would be too weak to trust.
"""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.core.sessions.model import (
    WINDOWS,
    Exploration,
    HonestWorld,
    Promise,
    Rule,
    ThiefWorld,
    explore,
)
from tokenpair.core.sessions.rule import StoredSession, Verdict, Windows, advance, judge
from tokenpair.core.tokens.claims import FullRefreshClaims

OURS = Rule()

# Every verdict that an honest client may meet. A world without one of them is too small to test it.
HARMLESS = {Verdict.ADVANCE, Verdict.HOLD, Verdict.REPEAT, Verdict.SUPERSEDED}


def test_tabs_that_share_one_store_are_never_logged_out() -> None:
    world = HonestWorld(rule=OURS)

    found = explore(world)

    assert_kept(found)
    assert found.verdicts == HARMLESS


@pytest.mark.parametrize(
    ("roll_backs", "generations"),
    [pytest.param(1, 4, id="one roll-back"), pytest.param(2, 3, id="two roll-backs")],
)
def test_an_honest_client_still_renews_after_the_row_lost_its_last_writes(
    roll_backs: int, generations: int
) -> None:
    world = HonestWorld(rule=OURS, roll_backs=roll_backs, generations=generations)

    found = explore(world)

    assert_kept(found)
    assert found.verdicts == HARMLESS


@pytest.mark.parametrize(
    ("stops", "generations"),
    [pytest.param(1, 4, id="one stop"), pytest.param(2, 3, id="two stops")],
)
def test_a_request_that_waited_in_a_worker_that_stood_still_logs_no_client_out(
    stops: int, generations: int
) -> None:
    world = HonestWorld(rule=OURS, stops=stops, generations=generations)

    found = explore(world)

    assert_kept(found)
    assert found.verdicts == HARMLESS


def test_a_worker_that_trusts_itself_after_a_stop_logs_the_owner_out() -> None:
    world = HonestWorld(rule=OURS, stops=1, generations=4, is_careful=False)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=15)


def test_a_thief_is_found_out_once_the_owner_has_advanced_twice() -> None:
    world = ThiefWorld(rule=OURS)

    found = explore(world)

    assert_kept(found)
    assert found.verdicts == set(Verdict)


# What the rule does not promise.


def test_a_copy_older_than_the_lost_writes_may_still_log_the_owner_out() -> None:
    world = HonestWorld(rule=OURS, roll_backs=1, is_cleared=False)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=15)


def test_a_client_that_writes_late_answers_over_newer_tokens_may_be_logged_out() -> None:
    world = HonestWorld(rule=OURS, compares=False)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=13)


def test_a_thief_who_renews_within_the_repeat_window_of_the_owner_stays_unseen() -> None:
    world = ThiefWorld(rule=OURS, is_spaced=False)

    found = explore(world)

    assert_broken(found, Promise.A_THIEF_IS_FOUND_OUT, within=6)


# The usual ways.


def always_the_same_token(
    session: StoredSession, _token: FullRefreshClaims, now: datetime, _windows: Windows
) -> Verdict:
    return Verdict.ADVANCE if session.is_live(now) else Verdict.ENDED


NO_ROTATION = Rule(
    judge=always_the_same_token,
    # A renewal changes nothing.
    advance=lambda session, _token, _now: session,
    child=lambda token, _age, _fresh: token,
)


def only_the_next(
    session: StoredSession, token: FullRefreshClaims, now: datetime, _windows: Windows
) -> Verdict:
    if not session.is_live(now):
        return Verdict.ENDED
    return Verdict.ADVANCE if token.parent == session.head else Verdict.REPLAY


STRICT_ROTATION = Rule(judge=only_the_next)
STRICT_MODE = Rule(windows=replace(WINDOWS, strict=True))


def with_a_grace_window(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    if token.token_id == session.head and now - session.rotated_at <= windows.repeat:
        return Verdict.REPEAT if session.is_live(now) else Verdict.ENDED
    return only_the_next(session, token, now, windows)


GRACE_WINDOW = Rule(judge=with_a_grace_window)


def by_the_counter(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    if token.generation == session.generation:
        return Verdict.REPEAT if session.is_live(now) else Verdict.ENDED
    return only_the_next(session, token, now, windows)


COUNTER = Rule(judge=by_the_counter, child=lambda token, _age, _fresh: token + "a")


def test_without_rotation_no_honest_client_is_logged_out() -> None:
    world = HonestWorld(rule=NO_ROTATION)

    found = explore(world)

    assert_kept(found)


def test_without_rotation_a_thief_is_never_found_out() -> None:
    world = ThiefWorld(rule=NO_ROTATION)

    found = explore(world)

    assert_broken(found, Promise.A_THIEF_IS_FOUND_OUT, within=5)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(STRICT_ROTATION, id="the usual one"),
        pytest.param(STRICT_MODE, id="our strict mode"),
    ],
)
def test_strict_rotation_logs_out_a_client_whose_request_arrives_twice(rule: Rule) -> None:
    world = HonestWorld(rule=rule)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=3)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(STRICT_ROTATION, id="the usual one"),
        pytest.param(STRICT_MODE, id="our strict mode"),
    ],
)
def test_strict_rotation_finds_the_thief(rule: Rule) -> None:
    world = ThiefWorld(rule=rule)

    found = explore(world)

    assert_kept(found)


def test_a_grace_window_logs_out_a_client_whose_request_arrives_again_after_it() -> None:
    world = HonestWorld(rule=GRACE_WINDOW)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=5)


def test_a_counter_with_the_same_successor_for_ever_lets_thief_and_owner_alternate() -> None:
    world = ThiefWorld(rule=COUNTER)

    found = explore(world)

    assert_broken(found, Promise.A_THIEF_IS_FOUND_OUT, within=8)


# This rule, without its details.


def without_hold(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    verdict = judge(session, token, now, windows)
    return Verdict.ADVANCE if verdict is Verdict.HOLD else verdict


def test_without_hold_a_late_copy_of_a_request_logs_its_owner_out() -> None:
    world = HonestWorld(rule=Rule(judge=without_hold))

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=9)


def keeping_the_old_head(
    session: StoredSession, token: FullRefreshClaims, now: datetime
) -> StoredSession:
    return replace(advance(session, token, now), previous=session.head)


def test_with_the_old_head_as_previous_lost_writes_log_the_owner_out() -> None:
    world = HonestWorld(rule=Rule(advance=keeping_the_old_head), roll_backs=1)

    found = explore(world)

    assert_broken(found, Promise.NO_HONEST_LOGOUT, within=7)


def superseded_however_old(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    verdict = judge(session, token, now, windows)
    is_young = now - session.rotated_at <= windows.superseded
    return Verdict.SUPERSEDED if verdict is Verdict.REPLAY and is_young else verdict


def test_with_every_older_token_superseded_a_thief_keeps_the_owner_at_409_for_ever() -> None:
    world = ThiefWorld(rule=Rule(judge=superseded_however_old))

    found = explore(world)

    assert_broken(found, Promise.NO_409_FOR_EVER, within=12)


def assert_kept(found: Exploration) -> None:
    """Require all promises. The trace is compared first: it shows the fault."""
    assert found.trace == ()
    assert found.broken is None


def assert_broken(found: Exploration, promise: Promise, *, within: int) -> None:
    assert found.broken is promise, found.trace
    assert len(found.trace) <= within, found.trace
