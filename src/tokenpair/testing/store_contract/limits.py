"""Contract of `ports.LimitCounters`: of a storage's, and of others."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tokenpair.core.limits import Limit, LimitName, Place, Refused, Taken
from tokenpair.ports import LimitCounters
from tokenpair.testing.store_contract.limits_model import (
    MINUTE,
    ONE,
    SECOND,
    THREE,
    WAITING,
    Model,
    place,
    took,
    until,
)
from tokenpair.testing.store_contract.samples import NOW


class LimitPromises:
    """Counters: no more attempts are accepted than a limit says."""

    async def test_a_limit_accepts_its_number_of_attempts(self, limits: LimitCounters) -> None:
        guess = place()
        for second in range(3):
            await took(limits, guess, NOW + second * SECOND)

        assert await limits.reserve([guess], NOW + 59 * SECOND) == Refused(
            limit=LimitName.PASSWORD, until=NOW + MINUTE
        )

    async def test_a_period_begins_with_its_first_attempt(self, limits: LimitCounters) -> None:
        guess, later = place(), NOW + MINUTE
        for _ in range(3):
            await took(limits, guess)

        taken = [await took(limits, guess, later + second * SECOND) for second in range(3)]

        assert {each.ends_at for each in taken} == {later + MINUTE}
        assert await until(limits, guess, now=later + 3 * SECOND) == later + MINUTE

    async def test_counters_are_apart(self, limits: LimitCounters) -> None:
        full, other = place(ONE), place(ONE)
        await took(limits, full)

        await took(limits, other)

    async def test_a_limit_of_one_is_closed_by_the_first(self, limits: LimitCounters) -> None:
        guess = place(ONE)
        await took(limits, guess)
        assert await until(limits, guess) == NOW + 10 * MINUTE

        await took(limits, guess, NOW + 10 * MINUTE)

        assert await until(limits, guess, now=NOW + 11 * MINUTE) == NOW + 20 * MINUTE

    async def test_all_places_are_taken_or_none(self, limits: LimitCounters) -> None:
        free, full = place(), place(ONE)
        await took(limits, full)

        for _ in range(5):
            assert await until(limits, free, full) == NOW + 10 * MINUTE

        for _ in range(3):
            await took(limits, free)

    async def test_the_longest_refusal_is_returned(self, limits: LimitCounters) -> None:
        longer, shorter = place(ONE), place()
        await took(limits, longer)
        for _ in range(3):
            await took(limits, shorter)

        assert await until(limits, shorter, longer) == NOW + 10 * MINUTE
        assert await until(limits, longer, shorter) == NOW + 10 * MINUTE

    async def test_of_attempts_at_once_no_more_are_accepted(self, limits: LimitCounters) -> None:
        guess, other = place(), place(Limit(name=LimitName.SIGN_UP, count=50, period=MINUTE))

        results = await asyncio.gather(
            *(limits.reserve([guess, other], NOW) for _ in range(20)),
            *(limits.reserve([other, guess], NOW) for _ in range(20)),
        )

        assert sum(not isinstance(each, Refused) for each in results) == 3
        for _ in range(47):  # The refused attempts have taken no place at the other counter.
            await took(limits, other)

    async def test_a_place_that_is_given_back_is_free(self, limits: LimitCounters) -> None:
        guess = place()
        first, *_ = [await took(limits, guess) for _ in range(3)]
        await limits.release([first], NOW)

        await took(limits, guess)

        assert await until(limits, guess) == NOW + MINUTE

    async def test_a_place_of_an_earlier_period_is_not_given_back(
        self, limits: LimitCounters
    ) -> None:
        """Otherwise successes that take long would let further guesses through."""
        guess, later = place(), NOW + MINUTE
        old = [await took(limits, guess) for _ in range(3)]
        for _ in range(3):
            await took(limits, guess, later)

        await limits.release(old, later)

        assert await until(limits, guess, now=later) == later + MINUTE

    async def test_no_more_places_are_given_back_than_were_taken(
        self, limits: LimitCounters
    ) -> None:
        guess = place()
        taken = await took(limits, guess)
        for _ in range(5):
            await limits.release([taken], NOW)

        for _ in range(3):
            await took(limits, guess)

        assert await until(limits, guess) == NOW + MINUTE

    async def test_beyond_its_count_a_limit_with_waits_waits_longer_and_longer(
        self, limits: LimitCounters
    ) -> None:
        guess = place(WAITING)
        await took(limits, guess)
        now = NOW

        for wait in (1, 4, 4):
            await took(limits, guess, now)
            assert await until(limits, guess, now=now) == now + wait * SECOND
            now += wait * SECOND

    async def test_a_limit_with_waits_begins_anew_a_period_after_the_latest_attempt(
        self, limits: LimitCounters
    ) -> None:
        guess = place(WAITING)
        await took(limits, guess)
        await took(limits, guess, NOW + 50 * SECOND)
        await took(limits, guess, NOW + 100 * SECOND)
        later = NOW + 100 * SECOND + MINUTE

        await took(limits, guess, later)
        await took(limits, guess, later)

        assert await until(limits, guess, now=later) == later + SECOND

    async def test_a_place_of_a_limit_with_waits_is_given_back_after_others(
        self, limits: LimitCounters
    ) -> None:
        guess = place(WAITING)
        first = await took(limits, guess)
        await took(limits, guess, NOW + SECOND)

        await limits.release([first], NOW + SECOND)

        await took(limits, guess, NOW + SECOND)
        assert await until(limits, guess, now=NOW + SECOND) == NOW + 2 * SECOND

    async def test_a_counter_that_is_cleared_begins_anew(self, limits: LimitCounters) -> None:
        guess, other = place(WAITING), place(ONE)
        await took(limits, guess)
        await took(limits, guess)
        await took(limits, other)

        await limits.release([], NOW, clear=[guess.key])

        await took(limits, guess)
        await took(limits, guess)
        assert await until(limits, other) == NOW + 10 * MINUTE

    async def test_a_place_is_not_needed_while_its_exception_is_known(
        self, limits: LimitCounters
    ) -> None:
        known = os.urandom(32)
        stranger = place(ONE)
        friend = Place(limit=ONE, key=stranger.key, unless=known)
        await took(limits, stranger)
        assert await until(limits, friend) == NOW + 10 * MINUTE
        await limits.release([], NOW, known={known: NOW + MINUTE})

        assert await limits.reserve([friend], NOW + 59 * SECOND) == []
        assert await until(limits, friend, now=NOW + MINUTE) == NOW + 10 * MINUTE
        assert await until(limits, stranger) == NOW + 10 * MINUTE

    async def test_a_key_is_known_until_the_latest_time(self, limits: LimitCounters) -> None:
        known = os.urandom(32)
        friend = place(ONE, unless=known)
        for minutes in (2, 5, 1):
            await limits.release([], NOW, known={known: NOW + minutes * MINUTE})

        assert await limits.reserve([friend], NOW + 4 * MINUTE) == []
        await took(limits, friend, NOW + 5 * MINUTE)

    @pytest.mark.parametrize("seed", range(5))
    async def test_any_use_has_the_results_of_the_rules(
        self, limits: LimitCounters, seed: int
    ) -> None:
        chance = random.Random(seed)  # noqa: S311  A test's choices.
        known = [os.urandom(32) for _ in range(2)]
        places = [
            place(limit, unless=chance.choice([None, *known]))
            for limit in (THREE, ONE, WAITING) * 2
        ]
        model, now, held = Model(), NOW, list[Taken]()

        for _ in range(60):
            now += timedelta(milliseconds=chance.choice([0, 0, 900, 20_000]))
            chosen = chance.sample(places, k=chance.choice([1, 2, 3]))
            result = await limits.reserve(chosen, now)

            expected = model.reserve(chosen, now)
            if isinstance(expected, Refused) or isinstance(result, Refused):
                assert result == expected
            else:
                assert sorted(result, key=_key) == sorted(expected, key=_key)
                held += result
            if chance.random() < 0.3:
                given = [held.pop(chance.randrange(len(held)))] if held else []
                clear = [chance.choice(places).key] if chance.random() < 0.1 else []
                known_until = {chance.choice(known): now + 10 * SECOND}
                given = [each for each in given if each.key not in clear]
                await limits.release(given, now, clear=clear, known=known_until)
                model.release(given, now, clear, known_until)


def _key(taken: Taken) -> bytes:
    return taken.key


class LimitsContract(LimitPromises):
    """All tests of counters that belong to no storage. A subclass provides the fixture `limits`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.anyio

    @pytest.fixture
    async def limits(self) -> AsyncIterator[LimitCounters]:
        """Yield counters, and close them afterwards."""
        raise NotImplementedError
        yield  # noqa: PT022  Shows the shape to a subclass.
