"""How often an unknown key is looked for, and which tokens the last look has settled."""

from itertools import count

from tokenpair.core.key_looks import LOOK_SECONDS, KeyLooks

A_MOMENT = LOOK_SECONDS / 10


def test_the_first_unknown_header_is_looked_for_at_once_and_then_settled() -> None:
    looks = KeyLooks()

    assert looks.is_due("a", at=0)
    assert not looks.is_due("a", at=A_MOMENT)
    assert looks.has_settled("a")


def test_a_header_that_is_met_after_the_look_is_settled_by_the_next() -> None:
    looks = KeyLooks()
    looks.is_due("a", at=0)

    first = looks.is_due("b", at=A_MOMENT), looks.has_settled("b")
    looks.is_due("a", at=LOOK_SECONDS)
    second = looks.is_due("b", at=LOOK_SECONDS + A_MOMENT), looks.has_settled("b")

    assert first == (False, False)
    assert second == (False, True)


def test_however_many_ask_there_are_ten_looks_in_a_second() -> None:
    looks = KeyLooks()

    made = [looks.is_due(f"header-{each}", at=each / 1000) for each in range(1000)]

    assert sum(made) == 10


def test_of_one_header_at_most_the_requests_before_its_first_look_are_unsettled() -> None:
    """Else those who hold tokens of a key that is gone would be told to try again for ever."""
    looks = KeyLooks()
    looks.is_due("another", at=0)
    unsettled = 0

    for each in range(1, 100):
        at = each / 100
        unsettled += not looks.is_due("gone", at=at) and not looks.has_settled("gone")

    assert unsettled == 9


def test_what_was_met_long_ago_is_looked_for_anew() -> None:
    """The key may have come since."""
    looks = KeyLooks()
    looks.is_due("a", at=0)
    looks.is_due("another", at=1.5)

    assert not looks.is_due("a", at=1.5 + A_MOMENT)
    assert not looks.has_settled("a")


def test_many_headers_do_not_fill_the_memory() -> None:
    looks = KeyLooks()

    for each in count():
        looks.is_due(f"header-{each}", at=0.5)
        if each == 10_000:
            break

    assert len(looks._first_asked) <= 1000
    assert not looks.has_settled("header-9999")
