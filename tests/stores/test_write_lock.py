"""The turn to write to an SQLite file: in order, and not awaited for ever."""

import asyncio
from pathlib import Path

import pytest

from tests.waiting import LIMIT_SECONDS, limit
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.sqlite.write_lock import WriteLock


async def test_a_writer_waits_no_longer_than_its_limit(tmp_path: Path) -> None:
    holder, late = (WriteLock(str(tmp_path), seconds) for seconds in (LIMIT_SECONDS, 0.01))

    async with limit(), holder:
        with pytest.raises(Unavailable, match="write lock"):
            async with late:
                pass

    async with late:
        pass


async def test_a_writer_behind_one_that_is_about_to_get_the_turn_has_its_limit(
    tmp_path: Path,
) -> None:
    holder, late = (WriteLock(str(tmp_path), seconds) for seconds in (LIMIT_SECONDS, 0.01))
    go_on = asyncio.Event()

    async def write() -> None:
        async with holder:
            await go_on.wait()

    async with limit():
        async with holder:
            next_one = asyncio.create_task(write())
            await asyncio.sleep(0)
        # In this step the turn has been given back, and the next one has not taken it yet.
        with pytest.raises(Unavailable, match="write lock"):
            async with late:
                pass
        go_on.set()
        await next_one
