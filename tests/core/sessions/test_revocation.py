from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tokenpair import AccessClaims
from tokenpair.core.sessions.revocation import ALL_VERSIONS, MARGIN, Revocation, Revocations
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.core.tokens.verified import VerifiedTokens
from tokenpair.errors import SessionEnded, StaleToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)
ADA, SESSION = uuid4(), uuid4()
LASTING = (ACCESS + MARGIN).total_seconds()


def claims(*, version: int = 3, session_id: UUID = SESSION) -> AccessClaims:
    return AccessClaims(
        subject=ADA,
        session_id=session_id,
        token_id="token",
        issued_at=NOW,
        expires_at=LATER,
        roles=frozenset(),
        version=version,
        authenticated_at=NOW,
    )


def ended(session_id: UUID = SESSION, until: datetime = LATER) -> Revocation:
    return Revocation(session_id=session_id, recorded_at=NOW, until=until)


def changed(version: int, until: datetime = LATER) -> Revocation:
    return Revocation(user_id=ADA, min_version=version, recorded_at=NOW, until=until)


def test_nothing_is_revoked_at_first() -> None:
    Revocations().require_unrevoked(claims())


def test_an_ended_sessions_tokens_are_dead_and_no_others() -> None:
    copy = Revocations()

    copy.apply([ended()], at=0)

    with pytest.raises(SessionEnded):
        copy.require_unrevoked(claims())
    copy.require_unrevoked(claims(session_id=uuid4()))


@pytest.mark.parametrize(("version", "is_stale"), [(2, True), (3, False), (4, False)])
def test_tokens_before_a_users_version_are_stale(version: int, is_stale: bool) -> None:
    copy = Revocations()
    copy.apply([changed(3)], at=0)

    if is_stale:
        with pytest.raises(StaleToken):
            copy.require_unrevoked(claims(version=version))
    else:
        copy.require_unrevoked(claims(version=version))


def test_the_highest_version_counts_in_any_order() -> None:
    copy = Revocations()

    copy.apply([changed(5), changed(4)], at=0)

    with pytest.raises(StaleToken):
        copy.require_unrevoked(claims(version=4))


def test_every_token_of_a_deleted_user_is_dead_and_not_stale() -> None:
    """A client would renew a stale token, and then be refused once more."""
    copy = Revocations()
    copy.apply([changed(5), changed(ALL_VERSIONS), changed(7)], at=0)

    for version in (3, 6, 7, ALL_VERSIONS - 1):
        with pytest.raises(SessionEnded):
            copy.require_unrevoked(claims(version=version, session_id=uuid4()))


def test_only_what_is_new_is_news() -> None:
    copy = Revocations()

    first = copy.apply([ended(), changed(4)], at=0)
    again = copy.apply([ended(), changed(4), changed(3)], at=0)
    more = copy.apply([changed(5)], at=0)

    assert (len(first), len(again), len(more)) == (2, 0, 1)


TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "age"),
    [
        pytest.param(LATER - TICK, 10 * LASTING, id="in-force-by-the-storages-clock"),
        pytest.param(LATER + timedelta(days=9), LASTING - 0.001, id="learned-a-while-ago"),
    ],
)
def test_no_clock_alone_makes_it_forget(now: datetime, age: float) -> None:
    copy = Revocations()
    copy.apply([ended(), changed(4)], at=1000)

    copy.forget(now, at=1000 + age)

    assert len(copy) == 2


def test_what_is_out_of_force_and_was_learned_long_ago_is_forgotten() -> None:
    copy = Revocations()
    copy.apply([ended(), changed(4)], at=1000)

    copy.forget(LATER, at=1000 + LASTING)

    assert len(copy) == 0
    copy.require_unrevoked(claims())


def test_a_row_with_a_shorter_term_than_our_tokens_have_is_remembered_for_as_long() -> None:
    """A worker of the last version writes it by its own settings."""
    copy = Revocations(timedelta(days=1))
    copy.apply([ended(until=NOW + TICK)], at=0)

    copy.forget(LATER, at=86_399)

    with pytest.raises(SessionEnded):
        copy.require_unrevoked(claims())


def test_to_be_told_again_is_not_to_learn_it_anew() -> None:
    copy = Revocations()
    for at in (0, LASTING - 1):
        copy.apply([ended(), changed(4)], at=at)

    copy.forget(LATER, at=LASTING)

    assert len(copy) == 0


def test_a_users_second_change_is_remembered_as_long_as_the_first() -> None:
    copy = Revocations()
    copy.apply([changed(4)], at=0)
    copy.apply([changed(5)], at=60)

    copy.forget(LATER, at=LASTING)
    before = len(copy)
    copy.forget(LATER, at=LASTING + 60)

    assert (before, len(copy)) == (1, 0)


def test_the_longest_of_several_terms_counts() -> None:
    copy = Revocations()
    longer = LATER + timedelta(minutes=1)
    copy.apply([changed(4, until=longer), changed(5), ended(), ended(until=longer)], at=0)

    copy.forget(LATER, at=LASTING)

    assert len(copy) == 2


def test_an_entry_that_names_no_tokens_revokes_nothing() -> None:
    copy = Revocations()

    news = copy.apply([Revocation(recorded_at=NOW, until=LATER), changed(0)], at=0)

    assert news == []
    copy.require_unrevoked(claims(version=0))


class TestVerifiedTokens:
    def test_a_token_is_remembered_to_the_letter(self) -> None:
        verified = VerifiedTokens(10)
        verified.put(b"token", claims())

        assert verified.get(b"token") == claims()
        assert verified.get(b"token=") is None
        assert verified.get(b"Token") is None

    def test_its_size_is_bounded_and_what_was_used_lately_stays(self) -> None:
        verified = VerifiedTokens(10)

        for number in range(100):
            verified.put(f"token-{number}".encode(), claims())
            assert verified.get(b"token-0"), number

        assert len(verified) <= 10
        assert [n for n in range(95, 100) if verified.get(f"token-{n}".encode())] != []
        assert verified.get(b"token-50") is None

    def test_thousands_of_different_tokens_leave_it_no_larger(self) -> None:
        verified = VerifiedTokens(100)

        for number in range(10_000):
            verified.put(f"token-{number}".encode(), claims())

        assert len(verified) <= 100

    def test_of_size_none_it_remembers_nothing(self) -> None:
        verified = VerifiedTokens(0)

        verified.put(b"token", claims())

        assert verified.get(b"token") is None

    def test_it_can_forget_all(self) -> None:
        verified = VerifiedTokens(10)
        verified.put(b"token", claims())

        verified.clear()

        assert verified.get(b"token") is None

    def test_it_counts(self) -> None:
        verified = VerifiedTokens(10)
        verified.put(b"token", claims())

        for token in (b"token", b"token", b"other"):
            verified.get(token)

        assert (verified.hits, verified.misses) == (2, 1)
