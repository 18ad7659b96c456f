"""Calls that race, and what each of them returned or raised."""

import asyncio
from collections.abc import Awaitable

from tests.waiting import limit
from tokenpair.errors import AuthError


async def outcome_of(work: Awaitable[object]) -> object:
    """Return what a call returns, or the class of the error that it raises."""
    try:
        return await work
    except AuthError as exc:
        return type(exc)


async def at_once(*work: Awaitable[object]) -> list[object]:
    """Start all calls together, and return the outcome of each."""
    async with limit():
        return await asyncio.gather(*map(outcome_of, work))
