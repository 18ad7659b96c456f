"""What an operator sees of an `Auth`: counts for metrics, and health for load balancers."""

import asyncio
from dataclasses import dataclass, replace
from typing import Self

from tokenpair.core.counts import Counters, Counts
from tokenpair.core.health import Condition, Health
from tokenpair.core.tokens.verified import VerifiedTokens
from tokenpair.errors import Unavailable
from tokenpair.feed import Feed
from tokenpair.lifecycle import Lifecycle
from tokenpair.parts import Parts
from tokenpair.ports import Clock, PasswordHasher, Storage
from tokenpair.reasons import reason_of

HEALTH_SECONDS = 3.0
"""Longest wait for the database's answer to a health check, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Takes the counts and checks the health of one `Auth`."""

    storage: Storage
    clock: Clock
    feed: Feed
    verified: VerifiedTokens
    passwords: PasswordHasher
    counters: Counters
    lifecycle: Lifecycle
    health_seconds: float = HEALTH_SECONDS

    @classmethod
    def of(
        cls, parts: Parts, lifecycle: Lifecycle, counters: Counters, verified: VerifiedTokens
    ) -> Self:
        """Return the observer of what is made from these parts."""
        return cls(
            storage=parts.storage,
            clock=parts.clock,
            feed=parts.feed,
            verified=verified,
            passwords=parts.passwords,
            counters=counters,
            lifecycle=lifecycle,
        )

    def counts(self) -> Counts:
        """Return the numbers of this moment."""
        return Counts(
            log_ins=dict(self.counters.log_ins),
            renewals=dict(self.counters.renewals),
            sessions_ended=dict(self.counters.sessions_ended),
            mails=dict(self.counters.mails),
            limits_reached=dict(self.counters.limits_reached),
            cache_hits=self.verified.hits,
            cache_misses=self.verified.misses,
            revocations_heard=self.feed.heard,
            lags=tuple(self.feed.lags),
            revocations=len(self.feed),
            staleness=self.feed.staleness(),
            hashing=self.passwords.running,
            hashing_waiting=self.passwords.waiting,
        )

    async def health(self) -> Health:
        """Return the condition of each part that a request needs, within `health_seconds`."""
        if (why_not := self.lifecycle.why_not) and not self.storage.is_private:
            return Health(feed=Condition.FAILING, reasons=(why_not,))
        health = await self._storage_health()
        if self.feed.is_fresh():
            return replace(health, feed=Condition.OK)
        reasons = (*health.reasons, "the revocations have not been read for too long")
        return replace(health, feed=Condition.FAILING, reasons=reasons)

    async def _storage_health(self) -> Health:
        try:
            async with asyncio.timeout(self.health_seconds):
                return await self.storage.health(self.clock())
        except TimeoutError:
            reason = f"the database has not answered for {self.health_seconds:g} s"
        except Unavailable as exc:
            reason = reason_of(exc)
        return Health(database=Condition.FAILING, reasons=(reason,))

    async def require_ready(self) -> None:
        """Require that a request could be answered now. Raises `Unavailable`."""
        health = await self.health()
        if not health.is_ready:
            raise Unavailable("; ".join(health.reasons))
