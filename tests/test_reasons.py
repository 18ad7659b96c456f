"""The log says "timed out" only of time-outs, and names the class of another error without text."""

import asyncpg
import pytest

from tokenpair.errors import Unavailable
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.postgres import errors

REASONS = [
    (TimeoutError(), "timed out"),
    (TimeoutError("no route"), "no route"),
    (ConnectionResetError(), "ConnectionResetError"),
    (asyncpg.ConnectionDoesNotExistError("closed\nDETAIL: a value"), "closed"),
]
CASES = pytest.mark.parametrize(
    ("error", "reason"), REASONS, ids=["time-out", "with text", "reset", "two lines"]
)


@CASES
async def test_wake_ups_say_why_they_cannot_be_used(error: Exception, reason: str) -> None:
    async def connect() -> asyncpg.Connection:
        raise error

    wake_up = PostgresWakeUp(connect)

    with pytest.raises(Unavailable) as notifying:
        await wake_up.notify()
    with pytest.raises(Unavailable) as listening:
        await anext(aiter(wake_up.notifications()))

    told = f"the database cannot be used now: {reason}"
    assert [notifying.value.reason, listening.value.reason] == [told, told]


@CASES
def test_a_database_says_why_it_does_not_answer(error: Exception, reason: str) -> None:
    with pytest.raises(Unavailable) as caught, ErrorTranslator("of the test", errors):
        raise error

    assert caught.value.reason.endswith(f": {reason}")
