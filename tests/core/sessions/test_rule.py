"""The renewal rule: each verdict, each boundary, and the child of each renewal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.mint import Mint, derived_child_id
from tokenpair.core.sessions.rule import (
    EndReason,
    SessionState,
    StoredSession,
    Verdict,
    Windows,
    advance,
    hash_secret,
    judge,
    judge_unrenewed,
)
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.lifetimes import Lifetimes

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
WINDOWS = Windows(repeat=timedelta(seconds=10), superseded=timedelta(seconds=120))
STRICT = replace(WINDOWS, strict=True)
G = WINDOWS.superseded
W = WINDOWS.repeat
SECRET = bytes(range(16))
SID = UUID("018f0000-0000-7000-8000-000000000001")
UID = UUID("018f0000-0000-7000-8000-000000000002")

# A session in its fifth generation; its head is older than both windows.
SESSION = StoredSession(
    id=SID,
    user_id=UID,
    secret_hash=hash_secret(SECRET),
    head="token-5",
    previous="token-4",
    generation=5,
    rotated_at=NOW - timedelta(hours=1),
    authenticated_at=NOW - timedelta(days=1),
    created_at=NOW - timedelta(days=1),
    seen_at=NOW - timedelta(hours=1),
    expires_at=NOW + timedelta(days=29),
)


def token(token_id: str, parent: str, generation: int) -> FullRefreshClaims:
    return FullRefreshClaims(
        subject=UID,
        session_id=SID,
        token_id=token_id,
        parent=parent,
        generation=generation,
        secret=SECRET,
        issued_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(days=7),
    )


OLDEST = token("token-3", "token-2", 3)
PARENT = token("token-4", "token-3", 4)
HEAD = token("token-5", "token-4", 5)
NEXT = token("token-6", "token-5", 6)
# Tokens of a thief: the same generations, other parents.
RIVAL_HEAD = token("rival-5", "token-4", 5)
RIVAL_NEXT = token("rival-6", "rival-5", 6)
# Tokens that are newer than the row, because it lost its last writes.
AHEAD = token("token-7", "token-6", 7)
FAR_AHEAD = token("token-20", "token-19", 20)


def rotated(age: timedelta) -> StoredSession:
    return replace(SESSION, rotated_at=NOW - age)


# judge_unrenewed: tokens that are verified and not renewed.

ALL_TOKENS = [OLDEST, PARENT, HEAD, NEXT, RIVAL_HEAD, RIVAL_NEXT, AHEAD, FAR_AHEAD]
SERVED = {Verdict.ADVANCE, Verdict.HOLD, Verdict.REPEAT}


@pytest.mark.parametrize("shown", ALL_TOKENS, ids=lambda each: each.token_id)
@pytest.mark.parametrize("age", [timedelta(0), G, G + MICROSECOND], ids=str)
def test_a_token_that_is_shown_is_judged_as_in_a_renewal_but_the_head_is_never_a_replay(
    shown: FullRefreshClaims, age: timedelta
) -> None:
    session = rotated(age)

    usual = judge_unrenewed(session, shown, NOW, WINDOWS)
    strict = judge_unrenewed(session, shown, NOW, STRICT)

    assert usual is judge(session, shown, NOW, WINDOWS)
    assert strict is (Verdict.REPEAT if shown == HEAD else judge(session, shown, NOW, STRICT))


@pytest.mark.parametrize("shown", ALL_TOKENS, ids=lambda each: each.token_id)
@pytest.mark.parametrize("windows", [WINDOWS, STRICT], ids=["usual", "strict"])
def test_what_a_session_state_accepts_the_rule_accepts(
    shown: FullRefreshClaims, windows: Windows
) -> None:
    accepted = SessionState.of(SESSION, USER).accepts(shown)

    assert accepted is (shown in {HEAD, NEXT})
    assert not accepted or judge_unrenewed(SESSION, shown, NOW, windows) in SERVED


@pytest.mark.parametrize(
    "session",
    [
        replace(SESSION, ended_at=NOW, end_reason=EndReason.LOGOUT),
        replace(SESSION, expires_at=NOW),
        replace(SESSION, secret_hash=hash_secret(bytes(16))),
    ],
    ids=["ended", "expired", "another secret"],
)
def test_the_head_of_a_session_that_is_over_is_not_accepted(session: StoredSession) -> None:
    verdict = judge_unrenewed(session, HEAD, NOW, STRICT)

    assert verdict is Verdict.ENDED


# judge: which token is next?


def test_the_head_s_child_advances_a_settled_session() -> None:
    verdict = judge(SESSION, NEXT, NOW, WINDOWS)

    assert verdict is Verdict.ADVANCE


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(-MICROSECOND, Verdict.HOLD, id="another worker's clock is ahead"),
        pytest.param(timedelta(0), Verdict.HOLD, id="at once"),
        pytest.param(G, Verdict.HOLD, id="exactly G"),
        pytest.param(G + MICROSECOND, Verdict.ADVANCE, id="beyond G"),
    ],
)
def test_the_head_s_child_is_held_up_to_g(age: timedelta, expected: Verdict) -> None:
    session = rotated(age)

    verdict = judge(session, NEXT, NOW, WINDOWS)

    assert verdict is expected


@pytest.mark.parametrize("age", [timedelta(0), G, timedelta(days=1)], ids=str)
@pytest.mark.parametrize("ahead", [AHEAD, FAR_AHEAD], ids=["by two", "by fifteen"])
def test_a_row_that_fell_behind_catches_up_at_any_age(
    ahead: FullRefreshClaims, age: timedelta
) -> None:
    session = rotated(age)

    verdict = judge(session, ahead, NOW, WINDOWS)

    assert verdict is Verdict.ADVANCE


@pytest.mark.parametrize(
    "age",
    [timedelta(0), W, W + MICROSECOND, G, G + MICROSECOND, timedelta(days=6)],
    ids=str,
)
def test_the_head_repeats_at_any_age(age: timedelta) -> None:
    session = rotated(age)

    verdict = judge(session, HEAD, NOW, WINDOWS)

    assert verdict is Verdict.REPEAT


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(timedelta(0), Verdict.SUPERSEDED, id="at once"),
        pytest.param(G, Verdict.SUPERSEDED, id="exactly G"),
        pytest.param(G + MICROSECOND, Verdict.REPLAY, id="beyond G"),
    ],
)
def test_the_head_s_parent_is_superseded_up_to_g(age: timedelta, expected: Verdict) -> None:
    session = rotated(age)

    verdict = judge(session, PARENT, NOW, WINDOWS)

    assert verdict is expected


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=1)], ids=["young", "settled"])
@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(OLDEST, id="older than the parent"),
        pytest.param(RIVAL_HEAD, id="the head's sibling"),
        pytest.param(RIVAL_NEXT, id="the child of the head's sibling"),
        pytest.param(replace(HEAD, generation=4), id="the head's id in another generation"),
        pytest.param(replace(NEXT, generation=5), id="the head's child in its own generation"),
        pytest.param(replace(NEXT, generation=4), id="the head's child in an older generation"),
    ],
)
def test_any_other_token_of_a_live_session_is_a_replay(
    stranger: FullRefreshClaims, age: timedelta
) -> None:
    session = rotated(age)

    verdict = judge(session, stranger, NOW, WINDOWS)

    assert verdict is Verdict.REPLAY


def test_the_first_token_advances_at_the_very_moment_of_the_log_in() -> None:
    # A log-in sets the head's age back, so that the first renewal is not held.
    session = replace(
        SESSION, head="root", previous=None, generation=0, rotated_at=NOW - G - MICROSECOND
    )

    verdict = judge(session, token("token-1", "root", 1), NOW, WINDOWS)

    assert verdict is Verdict.ADVANCE


# judge: is there a session at all?


@pytest.mark.parametrize(
    "presented", [NEXT, AHEAD, HEAD, PARENT, OLDEST], ids=lambda claims: claims.token_id
)
@pytest.mark.parametrize("windows", [WINDOWS, STRICT], ids=["forgiving", "strict"])
@pytest.mark.parametrize(
    "session",
    [
        pytest.param(replace(SESSION, ended_at=NOW, end_reason=EndReason.LOGOUT), id="ended"),
        pytest.param(
            replace(SESSION, ended_at=NOW + timedelta(minutes=1), end_reason=EndReason.LOGOUT),
            id="ended by a worker whose clock is ahead",
        ),
        pytest.param(replace(SESSION, expires_at=NOW), id="expires exactly now"),
        pytest.param(replace(SESSION, expires_at=NOW - MICROSECOND), id="expired"),
        pytest.param(replace(SESSION, secret_hash=hash_secret(bytes(16))), id="another secret"),
        pytest.param(replace(SESSION, user_id=UUID(int=1)), id="another user"),
        pytest.param(replace(SESSION, id=UUID(int=1)), id="another session"),
    ],
)
def test_what_has_no_live_session_of_its_own_is_refused_and_ends_nothing(
    session: StoredSession, windows: Windows, presented: FullRefreshClaims
) -> None:
    verdict = judge(session, presented, NOW, windows)

    assert verdict is Verdict.ENDED


def test_a_session_lives_up_to_its_last_microsecond() -> None:
    session = replace(SESSION, expires_at=NOW + MICROSECOND)

    verdict = judge(session, NEXT, NOW, WINDOWS)

    assert verdict is Verdict.ADVANCE


# judge: strict mode


@pytest.mark.parametrize("age", [timedelta(0), G, G + MICROSECOND], ids=str)
@pytest.mark.parametrize(
    ("presented", "expected"),
    [
        pytest.param(NEXT, Verdict.ADVANCE, id="nothing is held"),
        pytest.param(AHEAD, Verdict.ADVANCE, id="a row that fell behind catches up"),
        pytest.param(HEAD, Verdict.REPLAY, id="nothing is repeated"),
        pytest.param(PARENT, Verdict.REPLAY, id="nothing is merely superseded"),
        pytest.param(OLDEST, Verdict.REPLAY, id="older than the parent"),
        pytest.param(RIVAL_HEAD, Verdict.REPLAY, id="the head's sibling"),
        pytest.param(RIVAL_NEXT, Verdict.REPLAY, id="the child of the head's sibling"),
    ],
)
def test_strict_mode_forgives_nothing(
    presented: FullRefreshClaims, expected: Verdict, age: timedelta
) -> None:
    session = rotated(age)

    verdict = judge(session, presented, NOW, STRICT)

    assert verdict is expected


# advance


@pytest.mark.parametrize("presented", [NEXT, FAR_AHEAD], ids=["in turn", "after lost writes"])
def test_an_advance_makes_the_token_the_head_and_its_parent_the_previous(
    presented: FullRefreshClaims,
) -> None:
    after = advance(SESSION, presented, NOW)

    assert after == replace(
        SESSION,
        head=presented.token_id,
        previous=presented.parent,
        generation=presented.generation,
        rotated_at=NOW,
        seen_at=NOW,
    )


# The children


def mint(*, windows: Windows = WINDOWS) -> Mint:
    """Make a mint with random bytes that count up, so that each draw differs."""
    codec = Codec(Keyring([KEY]), issuer="https://issuer.test", audience="https://api.test")
    draws = count()
    return Mint(
        codec=codec,
        lifetimes=Lifetimes(),
        windows=windows,
        random=lambda size: next(draws).to_bytes(size, "big"),
    )


KEY = Key.generate("Ed25519")
USER = User(id=UID, email=EmailAddress.parse("ada@example.com"), created_at=NOW)
# The moment at which the head was accepted.
ROTATED = NOW.replace(microsecond=250_000)
STATE = SessionState.of(replace(SESSION, rotated_at=ROTATED), USER)


def test_the_derived_child_s_id_is_the_same_in_every_version() -> None:
    # If it changed, two workers would make different children during a deployment.
    child_id = derived_child_id(HEAD)

    assert child_id == "aBwEtdpxDFOD6RmEkegkSw"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(HEAD, token_id="token-6"), id="of another token"),
        pytest.param(replace(HEAD, secret=bytes(16)), id="of another secret"),
    ],
)
def test_another_token_or_secret_derives_another_child(other: FullRefreshClaims) -> None:
    child_id = derived_child_id(other)

    assert child_id != derived_child_id(HEAD)


@pytest.mark.parametrize(
    "wait", [timedelta(0), MICROSECOND, timedelta(seconds=5), W], ids=["0", "1 µs", "5 s", "W"]
)
def test_within_the_repeat_window_every_presentation_gets_the_identical_child(
    wait: timedelta,
) -> None:
    expected = mint().child_of(HEAD, STATE, ROTATED)

    # Another worker, and later.
    child = mint().child_of(HEAD, STATE, ROTATED + wait)

    assert child == expected
    assert child.token_id == derived_child_id(HEAD)
    assert child.issued_at == ROTATED.replace(microsecond=0)


def test_after_the_repeat_window_every_presentation_gets_a_fresh_sibling() -> None:
    mints, later = mint(), ROTATED + W + MICROSECOND

    siblings = [mints.child_of(HEAD, STATE, later) for _ in range(2)]

    ids = {sibling.token_id for sibling in siblings} | {derived_child_id(HEAD)}
    assert len(ids) == 3
    assert {sibling.issued_at for sibling in siblings} == {later.replace(microsecond=0)}


@pytest.mark.parametrize("wait", [W, W + MICROSECOND], ids=["derived", "fresh"])
def test_a_child_is_the_next_generation_of_the_same_session(wait: timedelta) -> None:
    child = mint().child_of(HEAD, STATE, ROTATED + wait)

    assert (child.subject, child.session_id, child.secret) == (UID, SID, SECRET)
    assert (child.parent, child.generation) == (HEAD.token_id, HEAD.generation + 1)


def test_a_child_dies_of_the_idle_lifetime() -> None:
    """V7.3.1."""
    child = mint().child_of(HEAD, STATE, ROTATED)

    assert child.expires_at == child.issued_at + Lifetimes().idle


@pytest.mark.parametrize("wait", [W, W + MICROSECOND], ids=["derived", "fresh"])
def test_a_child_never_outlives_its_session(wait: timedelta) -> None:
    """V7.3.2."""
    state = replace(STATE, expires_at=ROTATED + timedelta(minutes=1, milliseconds=900))

    child = mint().child_of(HEAD, state, ROTATED + wait)

    # Whole seconds, rounded down.
    assert child.expires_at == state.expires_at.replace(microsecond=0)


def test_a_repeat_and_an_advance_answer_with_a_child() -> None:
    mints = mint()
    presented = mints.codec.encode(HEAD)

    pair = mints.next_pair(STATE, presented, HEAD, ROTATED)

    child = mints.codec.decode_refresh(pair.refresh_token)
    assert child == mints.child_of(HEAD, STATE, ROTATED)


def test_a_hold_answers_with_the_very_token_presented_and_a_new_access_token() -> None:
    mints, now = mint(), ROTATED + timedelta(seconds=60)
    presented = mints.codec.encode(NEXT)

    pair = mints.next_pair(STATE, presented, NEXT, now)

    access = mints.codec.decode_access(pair.access_token)
    assert pair.refresh_token == presented
    # A held token does not slide.
    assert pair.refresh_expires_in == NEXT.expires_at - now.replace(microsecond=0)
    assert access.issued_at == now.replace(microsecond=0)


def test_an_access_token_never_outlives_its_session() -> None:
    state = replace(STATE, expires_at=ROTATED + timedelta(minutes=1))

    pair = mint().next_pair(state, "a token", NEXT, ROTATED)

    assert pair.expires_in == timedelta(minutes=1)


def test_the_first_token_is_the_first_child_of_the_root() -> None:
    mints = mint()
    state = SessionState.of(replace(SESSION, head="root", previous=None, generation=0), USER)

    pair = mints.first_pair(state, SECRET, NOW)

    first = mints.codec.decode_refresh(pair.refresh_token)
    assert (first.parent, first.generation, first.secret) == ("root", 1, SECRET)
