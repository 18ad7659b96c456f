"""Follow the feed: load it, poll it, and let no token through while it cannot be read."""

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from tokenpair.core.sessions.revocation import MARGIN, Revocation, Revocations
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import Unavailable
from tokenpair.feed.wake_ups import WakeUps
from tokenpair.pace import boot_seconds
from tokenpair.ports import FeedPage, FeedPosition, Storage, WakeUp

_log = logging.getLogger(__name__)

RELOAD = timedelta(minutes=1)
"""Interval at which all that is in force is read again: a safety net for a poll's misses."""

_CURRENT_POLLS = 10
_MIN_CURRENT_SECONDS = 1.0
_CATCH_UP_SECONDS = 1.0
# Shortest pause after a poll that a notification caused: no number of log-outs adds polls.
_PAUSE_SECONDS = 0.02
# Number of entries that are applied before requests get a turn: a few milliseconds' worth.
_BATCH = 1000


class Feed:
    """Keeps a worker's copy of the revocations up to date.

    `poll` is the longest pause between two polls. The copy is current for ten such pauses after a
    successful poll, at least a second. An older copy means that this worker or the database has a
    problem, and a request waits for a poll: see `catch_up`. `max_staleness` after the last
    successful poll, every access token is refused. `access` is the longest lifetime of an access
    token that this worker accepts. `monotonic` returns seconds since any fixed moment.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        poll: timedelta,
        max_staleness: timedelta,
        access: timedelta = ACCESS,
        wake_up: WakeUp | None = None,
        monotonic: Callable[[], float] = boot_seconds,
        require_open: Callable[[], None] = lambda: None,
    ) -> None:
        self._storage = storage
        self._poll_seconds = poll.total_seconds()
        self._max_staleness = max_staleness.total_seconds()
        self._wake_ups = WakeUps(wake_up, poll_now=self._poll_now) if wake_up else None
        self._monotonic = monotonic
        self._require_open = require_open
        self._copy = Revocations(access + MARGIN)
        self._position: FeedPosition | None = None
        self._current_seconds = min(
            max(_CURRENT_POLLS * self._poll_seconds, _MIN_CURRENT_SECONDS), self._max_staleness
        )
        # The copy of a private storage is always current.
        self._current_until = math.inf if storage.is_private else -math.inf
        self._failed_at = -math.inf
        self._loaded_at = 0.0
        self._is_due = asyncio.Event()
        self._polled = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # For metrics: how many revocations other processes have recorded, and how many seconds
        # each of the latest took to arrive.
        self.heard: int = 0
        self.lags: deque[float] = deque(maxlen=1000)
        # Revocations of this process are applied after their commit, without a poll.
        storage.listen(self._apply_own)

    def __len__(self) -> int:
        return len(self._copy)

    def require_unrevoked(self, claims: AccessClaims) -> None:
        """Require that neither the token's session nor its version has been revoked. No I/O.

        Raises `SessionEnded`, `StaleToken`, and `Unavailable` when the copy is too old to tell.
        """
        if self._monotonic() > self._current_until:
            self._require_usable()
        self._copy.require_unrevoked(claims)

    def _require_usable(self) -> None:
        """Require that the copy, which is not current, may still be used."""
        self._require_open()
        if not self.is_fresh():
            raise Unavailable("the revocations have not been read for too long")
        if not self._has_just_failed():
            raise Unavailable("the revocations have not been read since this worker stood still")

    async def catch_up(self) -> None:
        """Wait for one poll that all callers share, for a second at most.

        Return at once where the copy is current, or where a poll failed less than a second ago:
        the copy is then used until it is too old.
        """
        if self.is_current() or self._has_just_failed() or not self._tasks:
            return
        self._poll_now()
        try:
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                # The first poll to end may have begun before this worker stood still.
                while not self.is_current() and not self._has_just_failed():
                    await self._polled.wait()
        except TimeoutError:
            self._failed_at = self._monotonic()

    def is_current(self) -> bool:
        """Has the last successful poll been recent?"""
        return self._monotonic() <= self._current_until

    def is_fresh(self) -> bool:
        """Is the copy recent enough to be used while the feed cannot be read?"""
        return self.staleness() <= self._max_staleness

    def staleness(self) -> float:
        """Return the seconds since the feed was last read; 0 for a current private storage."""
        if self._storage.is_private:
            return 0.0 if self.is_current() else math.inf
        return self._monotonic() - (self._current_until - self._current_seconds)

    def _has_just_failed(self) -> bool:
        return self._monotonic() - self._failed_at < _CATCH_UP_SECONDS

    async def start(self) -> None:
        """Read all that is in force, and start to poll. Starting twice is fine.

        Raises `Unavailable`.
        """
        if self._tasks or self._storage.is_private:
            return
        # An event belongs to the event loop that first awaited it, which may be closed by now.
        self._is_due, self._polled = asyncio.Event(), asyncio.Event()
        self._position, self._current_until = None, -math.inf
        await self.poll()
        if self._tasks:  # Another caller has started it meanwhile.
            return
        self._tasks = [asyncio.create_task(self._keep_polling(), name="tokenpair: revocations")]
        if self._wake_ups:
            self._tasks += self._wake_ups.start()

    async def stop(self) -> None:
        """Stop polling. Stopping twice is fine."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._storage.is_private:
            self._current_until = -math.inf
        if self._wake_ups:
            await self._wake_ups.close()

    async def poll(self) -> None:
        """Read what is new, and once a minute everything. Raises `Unavailable`."""
        try:
            await self._read()
        except BaseException:
            self._failed_at = self._monotonic()
            raise
        finally:
            polled, self._polled = self._polled, asyncio.Event()
            polled.set()

    def _poll_now(self) -> None:
        self._is_due.set()

    async def _read(self) -> None:
        now = self._monotonic()
        # After a failed read the position is unknown, and the next read is complete.
        position, self._position = self._position, None
        reload = position is None or now - self._loaded_at >= RELOAD.total_seconds()
        page = await self._storage.read_feed(position, reload=reload)
        await self._apply(page)
        if reload:
            # Not at every poll: it goes through all entries, and an old entry does no harm.
            self._copy.forget(page.now, at=now)
            self._loaded_at = now
        self._position = page.position
        # Counted from before the read, which may miss what was recorded meanwhile.
        self._current_until = now + self._current_seconds

    async def _apply(self, page: FeedPage) -> None:
        # The revocations that a worker finds at its start are not counted as news.
        is_first = self._current_until == -math.inf
        for start in range(0, len(page.entries), _BATCH):
            batch = page.entries[start : start + _BATCH]
            news = self._copy.apply(batch, at=self._monotonic())
            if not is_first:
                # An entry out of force may be read again long after it was forgotten.
                news = [each for each in news if each.until > page.now]
                self.heard += len(news)
                self.lags += [(page.now - each.recorded_at).total_seconds() for each in news]
            await asyncio.sleep(0)

    def _apply_own(self, entries: Sequence[Revocation]) -> None:
        """Apply what this process has recorded, and notify the other workers."""
        try:
            now = self._monotonic()
            self._copy.apply(entries, at=now)
        except BaseException:
            # The caller only logs it. Without these entries the copy must not be used: a poll reads
            # them again, and a private storage, which is not polled, accepts no token any more.
            self._current_until = -math.inf
            raise
        if self._wake_ups:
            self._wake_ups.notify_soon()
        # A private storage is not polled: its old entries are forgotten here.
        if self._storage.is_private and entries and now - self._loaded_at >= RELOAD.total_seconds():
            self._loaded_at = now
            self._copy.forget(entries[-1].recorded_at, at=now)

    async def _keep_polling(self) -> None:
        is_failing = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._is_due.wait()
            was_due = self._is_due.is_set()
            self._is_due.clear()
            try:
                await self.poll()
            except Unavailable as exc:
                if not is_failing:  # Once for each outage, not four times a second.
                    _log.warning("the revocations cannot be read: %s", exc)
                is_failing = True
            except Exception:  # noqa: BLE001  A bug in one poll must not end the polling.
                if not is_failing:
                    _log.exception("the revocations cannot be read")
                is_failing = True
            else:
                if is_failing:
                    _log.warning("the revocations can be read again")
                is_failing = False
            if was_due:
                await asyncio.sleep(_PAUSE_SECONDS)
