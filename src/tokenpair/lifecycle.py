"""Whether an `Auth` is open. Until then its database is not connected, and no feed is read."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.core.events import Notify
from tokenpair.core.health import Health
from tokenpair.core.limits import Place, Refused, Taken
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.hooks import HookedUnitOfWork, WithinHooks
from tokenpair.ports import FeedPage, FeedPosition, LimitCounters, Storage, UnitOfWork

_log = logging.getLogger(__name__)

_ADVICE = (
    "write `with TestClient(app)` in a test, do not switch the server's lifespan off, and open "
    "the Auth of a mounted app in the parent's lifespan: `async with auth:`"
)


_IN_UNIT = (
    "a verb of Auth was called inside a unit of work, such as a hook of within(...): "
    "use the hook's tx, or a hook of after(...)"
)


class NotOpened(Unavailable):
    """The `Auth` has not been opened. Raised in development; in production, `Unavailable`."""

    detail = "This Auth has not been opened: the app's lifespan did not run."


class Closed(Unavailable):
    """The `Auth` has been closed. Raised in development; in production, `Unavailable`."""

    detail = "This Auth has been closed: the app's lifespan has ended."


class Lifecycle:
    """Knows whether an `Auth` is open, and refuses requests while it is not."""

    def __init__(self, *, development: bool) -> None:
        """In `development`, the response to a refused request gives the reason."""
        self._development = development
        self._why_not: type[NotOpened | Closed] | None = NotOpened
        self._is_logged = False

    @property
    def why_not(self) -> str | None:
        """The reason why the `Auth` is not open; None while it is."""
        return self._why_not.detail if self._why_not else None

    def open(self) -> None:
        """Accept requests from now on."""
        self._why_not = None

    def close(self) -> None:
        """Refuse requests until the next `open`."""
        self._why_not = self._why_not or Closed

    def require_open(self) -> None:
        """Raise `Unavailable` unless the `Auth` is open. It is logged once, with what to do."""
        if not self._why_not:
            return
        if not self._is_logged:
            _log.error("%s To open it, %s.", self._why_not.detail, _ADVICE)
            self._is_logged = True
        raise (self._why_not if self._development else Unavailable)(self._why_not.detail)


def _nothing() -> None:
    pass


class _Unit:
    """A unit of work that a task is in."""

    is_open = True


_unit: ContextVar[_Unit | None] = ContextVar("unit of work", default=None)


@contextmanager
def _in_unit() -> Iterator[None]:
    unit = _Unit()
    _unit.set(unit)
    try:
        yield
    finally:
        unit.is_open = False  # Also for a task that a hook has started, which has a copy.
        _unit.set(None)


class OpenStorage:
    """A storage as one `Auth` uses it: only while that is open, with its own listeners and hooks.

    A verb that is called inside a unit of work raises `RuntimeError`. Several `Auth`s may share one
    storage. Each notifies its listeners, and runs its hooks, only for its own events.
    """

    def __init__(
        self,
        storage: Storage,
        lifecycle: Lifecycle,
        notify: Notify,
        within: WithinHooks | None = None,
        notify_of_mail: Callable[[], None] = _nothing,
    ) -> None:
        """`notify_of_mail` is called after a commit that has added mails to the outbox."""
        self._storage = storage
        self._within = WithinHooks() if within is None else within
        # A private storage has nothing to open, so that tests need not open it.
        self._is_open = _nothing if storage.is_private else lifecycle.require_open
        self._notify = notify
        self._notify_of_mail = notify_of_mail

    @property
    def is_private(self) -> bool:
        return self._storage.is_private

    @property
    def limits(self) -> LimitCounters:
        return OpenLimits(self._storage.limits, self._require_open)

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        await self._storage.open(migrate=migrate, access=access)

    async def close(self) -> None:
        await self._storage.close()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        self._require_open()
        with _in_unit():
            async with self._storage.begin() as tx:
                if self._within:
                    hooked = HookedUnitOfWork(tx, self._within)
                    yield hooked
                    await hooked.run_hooks()
                else:
                    yield tx
        for event in tx.recorded:
            self._notify(event)
        if tx.outbox.added:
            self._notify_of_mail()

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        self._require_open()
        return self._storage.reading()

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        self._require_open()
        return await self._storage.renew(token, now, windows)

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        self._storage.listen(listener)

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        return await self._storage.read_feed(position, reload=reload)

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        self._require_open()
        return await self._storage.session_state(user_id, session_id, now)

    async def prune(self, now: datetime, limit: int) -> int:
        self._require_open()
        return await self._storage.prune(now, limit)

    async def health(self, now: datetime) -> Health:
        return await self._storage.health(now)

    def _require_open(self) -> None:
        """Require that the `Auth` is open, and that this task is in no unit of work.

        On SQLite and in memory, a second unit would wait for the lock that the first one holds.
        """
        # Every renewal comes by here: no more than a look.
        if (unit := _unit.get()) is not None and unit.is_open:
            raise RuntimeError(_IN_UNIT)
        self._is_open()


class OpenLimits:
    """Counters of rate limits as one `Auth` uses them: only while that is open."""

    def __init__(self, counters: LimitCounters, require_open: Callable[[], None]) -> None:
        self._counters = counters
        self._require_open = require_open

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        self._require_open()
        return await self._counters.reserve(places, now)

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        self._require_open()
        await self._counters.release(taken, now, clear=clear, known=known)

    async def close(self) -> None:
        await self._counters.close()
