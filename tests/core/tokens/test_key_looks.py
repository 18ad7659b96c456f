"""How often an unknown key is looked for, and which tokens the last look has settled."""

from itertools import count

from tokenpair.core.tokens.key_looks import LOOK_SECONDS, KeyLooks

A_MOMENT = LOOK_SECONDS / 10


def look(looks: KeyLooks, header: str, *, at: float) -> bool:
    """Look if it is time to, with success."""
    if is_due := looks.is_due(header, at=at):
        looks.settle()
    return is_due


def test_the_first_unknown_header_is_looked_for_at_once_and_then_settled() -> None:
    looks = KeyLooks()

    assert look(looks, "a", at=0)
    assert not look(looks, "a", at=A_MOMENT)
    assert looks.has_settled("a")


def test_a_header_that_is_met_after_the_look_is_settled_by_the_next() -> None:
    looks = KeyLooks()
    look(looks, "a", at=0)

    first = look(looks, "b", at=A_MOMENT), looks.has_settled("b")
    look(looks, "a", at=LOOK_SECONDS)
    second = look(looks, "b", at=LOOK_SECONDS + A_MOMENT), looks.has_settled("b")

    assert first == (False, False)
    assert second == (False, True)


def test_however_many_ask_there_are_ten_looks_in_a_second() -> None:
    looks = KeyLooks()

    made = [look(looks, f"header-{each}", at=each / 1000) for each in range(1000)]

    assert sum(made) == 10


def test_of_one_header_at_most_the_requests_before_its_first_look_are_unsettled() -> None:
    """Else those who hold tokens of a key that is gone would be told to try again for ever."""
    looks = KeyLooks()
    look(looks, "another", at=0)
    unsettled = 0

    for each in range(1, 100):
        at = each / 100
        unsettled += not look(looks, "gone", at=at) and not looks.has_settled("gone")

    assert unsettled == 9


def test_what_was_met_long_ago_is_looked_for_anew() -> None:
    """The key may have come since."""
    looks = KeyLooks()
    look(looks, "a", at=0)
    look(looks, "another", at=1.5)

    assert not look(looks, "a", at=1.5 + A_MOMENT)
    assert not looks.has_settled("a")


def test_many_headers_do_not_fill_the_memory() -> None:
    looks = KeyLooks()

    for each in count():
        look(looks, f"header-{each}", at=0.5)
        if each == 10_000:
            break

    assert len(looks._first_asked) <= 1000
    assert not looks.has_settled("header-9999")


def test_a_look_that_failed_settles_nothing_and_is_made_again() -> None:
    looks = KeyLooks()
    assert looks.is_due("a", at=0)  # And the file could not be read.

    unsettled = looks.is_due("a", at=A_MOMENT), looks.has_settled("a")
    again = look(looks, "a", at=LOOK_SECONDS)

    assert unsettled == (False, False)
    assert again
    assert looks.has_settled("a")
