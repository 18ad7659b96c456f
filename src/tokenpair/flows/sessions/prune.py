"""Prune: remove what is long over, so that the tables hold only what may still matter."""

import asyncio
import time
from dataclasses import dataclass

from tokenpair.ports import Clock, Storage

BATCH = 200
"""So many of a kind at once: on SQLite a renewal that comes meanwhile waits for milliseconds."""

_REST = 20
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Prune:
    """Remove sessions that have been over for a day, and revocations out of force."""

    storage: Storage
    clock: Clock

    async def __call__(self) -> int:
        """Go on, batch after batch, until little is left; give how many rows went.

        A twentieth of the time at most is spent on it: the rest is for whoever waits.
        """
        removed = 0
        while True:
            began = time.monotonic()
            batch = await self.storage.prune(self.clock(), BATCH)
            removed += batch
            if batch < BATCH:
                return removed
            await asyncio.sleep(max(_PAUSE_SECONDS, _REST * (time.monotonic() - began)))
