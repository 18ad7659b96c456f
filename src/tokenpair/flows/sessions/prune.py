"""Prune: remove old sessions and revocations, so that the size of the tables stays bounded."""

import asyncio
import time
from dataclasses import dataclass

from tokenpair.ports import Clock, Storage

BATCH = 200
"""Number of rows of a kind that are removed at once. On SQLite renewals wait for one batch."""

PRUNE_SECONDS = 60
"""Interval between two rounds of pruning in a worker, in seconds."""

_REST = 20
"""Length of the pause after a batch, as a multiple of the time that the batch took."""

_MIN_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Prune:
    """Remove sessions that ended or expired a day ago, and other rows that are of no more use.

    These are revocations that are out of force, expired one-time tokens, and mails that could not
    be delivered for a week.
    """

    storage: Storage
    clock: Clock

    async def __call__(self) -> int:
        """Remove batch after batch, until less than a batch is left. Return the number of rows.

        The pauses leave at least 95 % of the time to other work.
        """
        removed = 0
        while True:
            began = time.monotonic()
            batch = await self.storage.prune(self.clock(), BATCH)
            removed += batch
            if batch < BATCH:
                return removed
            await asyncio.sleep(max(_MIN_PAUSE_SECONDS, _REST * (time.monotonic() - began)))
