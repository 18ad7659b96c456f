"""Follow the feed: load it, poll it, and refuse to guess when it cannot be read."""

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
from tokenpair.pace import boot_seconds
from tokenpair.ports import FeedPage, FeedPosition, Storage, WakeUp

_log = logging.getLogger(__name__)

RELOAD = timedelta(minutes=1)
"""Interval at which all that is in force is read again: a safety net for a poll's misses."""

_CURRENT_POLLS = 10
_MIN_CURRENT_SECONDS = 1.0
_CATCH_UP_SECONDS = 1.0
_RETRY_SECONDS = 1.0
# After a look that somebody has asked for: however many log out, nobody looks more often than so.
_PAUSE_SECONDS = 0.02
_FAREWELL_SECONDS = 2.0
# So many are taken in before requests have their turn again: a few milliseconds' worth.
_AT_ONCE = 1000


class Feed:
    """Keeps a worker's copy of the revocations up to date.

    `poll` is the longest pause between two looks. The copy is current for ten such pauses, or a
    second, after a good one. When it is older, something is wrong with this worker or with the
    database, and a request waits for a look: see `catch_up`. After `max_staleness` without a good
    one, nothing is let through. `access` is the longest life of an access token that this worker
    accepts. `monotonic` tells seconds, from anywhere.
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
        self._wake_up = wake_up
        self._monotonic = monotonic
        self._require_open = require_open
        self._copy = Revocations(access + MARGIN)
        self._position: FeedPosition | None = None
        # When its copy stops to be current; a private storage's never does.
        self._current_seconds = min(
            max(_CURRENT_POLLS * self._poll_seconds, _MIN_CURRENT_SECONDS), self._max_staleness
        )
        self._current_until = math.inf if storage.is_private else -math.inf
        self._failed_at = -math.inf
        self._loaded_at = 0.0
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        self._looked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # How much news has come, and how old the latest was, in seconds; for whoever counts.
        self.heard: int = 0
        self.lags: deque[float] = deque(maxlen=1000)
        # What this process records itself, it knows as soon as it is committed.
        storage.listen(self._hear)

    def __len__(self) -> int:
        return len(self._copy)

    def require_unrevoked(self, claims: AccessClaims) -> None:
        """Require that nothing has been revoked that a verified token stands on. No I/O.

        Raises `SessionEnded`, `StaleToken`, and `Unavailable` when that cannot be told.
        """
        if self._monotonic() > self._current_until:
            self._require_usable()
        self._copy.require_unrevoked(claims)

    def _require_usable(self) -> None:
        """Require that the copy is good enough though it is not current."""
        self._require_open()
        if not self.is_fresh():
            raise Unavailable("the revocations have not been read for too long")
        if not self._has_just_failed():
            raise Unavailable("the revocations have not been read since this worker stood still")

    async def catch_up(self) -> None:
        """Wait until the copy is current, for one look that all who wait share, a second at most.

        Do not wait where the copy is current, and where a look has failed a moment ago: then the
        copy serves on until it is too old.
        """
        if self.is_current() or self._has_just_failed() or not self._tasks:
            return
        self._news.set()
        try:
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                # The first look to end may have begun before this worker stood still.
                while not self.is_current() and not self._has_just_failed():
                    await self._looked.wait()
        except TimeoutError:
            self._failed_at = self._monotonic()

    def is_current(self) -> bool:
        """Has it been read as lately as it should be?"""
        return self._monotonic() <= self._current_until

    def is_fresh(self) -> bool:
        """Has it been read lately enough to go by, if it cannot be read now?"""
        return self.staleness() <= self._max_staleness

    def staleness(self) -> float:
        """Say how many seconds ago the feed was read for the last time."""
        if self._storage.is_private:
            return 0.0
        return self._monotonic() - (self._current_until - self._current_seconds)

    def _has_just_failed(self) -> bool:
        return self._monotonic() - self._failed_at < _CATCH_UP_SECONDS

    async def start(self) -> None:
        """Read all that is in force, and keep up from then on. Twice is fine.

        Raises `Unavailable`.
        """
        if self._tasks or self._storage.is_private:
            return
        # It may have been stopped, a while ago, in another event loop; and an event belongs to
        # the one in which somebody first waited for it.
        was_told = self._told.is_set()
        self._news, self._told, self._looked = asyncio.Event(), asyncio.Event(), asyncio.Event()
        if was_told:
            self._told.set()
        self._position, self._current_until = None, -math.inf
        await self.poll()
        self._tasks = [asyncio.create_task(self._keep_up(), name="tokenpair: revocations")]
        if self._wake_up:
            self._tasks += [
                asyncio.create_task(self._tell(self._wake_up), name="tokenpair: wake others"),
                asyncio.create_task(self._be_woken(self._wake_up), name="tokenpair: be woken"),
            ]

    async def stop(self) -> None:
        """Stop following. Twice is fine."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._storage.is_private:
            self._current_until = -math.inf
        if self._wake_up:
            try:
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await self._wake_up.close()
            except Exception:  # noqa: BLE001  Nobody's end may hang on how a server takes leave.
                _log.exception("the wake-ups could not be closed")

    async def poll(self) -> None:
        """Read what is new, and once a minute everything. Raises `Unavailable`."""
        try:
            await self._look()
        except BaseException:
            self._failed_at = self._monotonic()
            raise
        finally:
            looked, self._looked = self._looked, asyncio.Event()
            looked.set()

    async def _look(self) -> None:
        now = self._monotonic()
        # If this look fails, the next is for everything: who knows what it will find.
        position, self._position = self._position, None
        reload = position is None or now - self._loaded_at >= RELOAD.total_seconds()
        page = await self._storage.read_feed(position, reload=reload)
        await self._take_in(page)
        if reload:
            # Not at every look: to go through all of it takes a while, and it does no harm.
            self._copy.forget(page.now, at=now)
            self._loaded_at = now
        self._position = page.position
        # As of before the look: what was recorded meanwhile may not be in it.
        self._current_until = now + self._current_seconds

    async def _take_in(self, page: FeedPage) -> None:
        # What a worker finds when it starts was no news to wait for.
        is_first = self._current_until == -math.inf
        senseless = 0
        for start in range(0, len(page.entries), _AT_ONCE):
            some = page.entries[start : start + _AT_ONCE]
            entries = [entry for entry in some if entry.makes_sense]
            senseless += len(some) - len(entries)
            news = self._copy.apply(entries, at=self._monotonic())
            if not is_first:
                # What is out of force may be read again long after it was forgotten.
                news = [each for each in news if each.until > page.now]
                self.heard += len(news)
                self.lags += [(page.now - each.recorded_at).total_seconds() for each in news]
            await asyncio.sleep(0)
        if senseless:
            _log.warning("%d of the revocations make no sense and are left out", senseless)

    def _hear(self, entries: Sequence[Revocation]) -> None:
        """Take in what this process has recorded, and tell the others."""
        now = self._monotonic()
        self._copy.apply(entries, at=now)
        self._told.set()
        if self._storage.is_private and entries and now - self._loaded_at >= RELOAD.total_seconds():
            self._loaded_at = now  # Nobody polls.
            self._copy.forget(entries[-1].recorded_at, at=now)

    async def _keep_up(self) -> None:
        is_away = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._news.wait()
            was_woken = self._news.is_set()
            self._news.clear()
            try:
                await self.poll()
            except Unavailable as exc:
                if not is_away:  # Once for each outage, not four times a second.
                    _log.warning("the revocations cannot be read: %s", exc)
                is_away = True
            except Exception:  # noqa: BLE001  A bug in one look must not be the end of all looks.
                if not is_away:
                    _log.exception("the revocations cannot be read")
                is_away = True
            else:
                if is_away:
                    _log.warning("the revocations can be read again")
                is_away = False
            if was_woken:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _tell(self, wake_up: WakeUp) -> None:
        """Wake the others after each thing that we have recorded; nothing is owed if it fails."""
        while True:
            await self._told.wait()
            self._told.clear()
            try:
                await wake_up.wake()
            except Unavailable as exc:
                _log.info("nobody could be woken: %s", exc)
            except Exception:  # noqa: BLE001  Whatever a server may answer that is none.
                _log.exception("nobody could be woken")

    async def _be_woken(self, wake_up: WakeUp) -> None:
        """Look as soon as somebody says that there is news. While nobody can, polling goes on."""
        while True:
            try:
                async for _ in wake_up.wakings():
                    self._news.set()
            except Unavailable as exc:
                _log.info("there are no wake-ups: %s", exc)
            except Exception:  # noqa: BLE001  As above.
                _log.exception("there are no wake-ups")
            await asyncio.sleep(_RETRY_SECONDS)
