"""Whether an `Auth` is open. Until then its database is not connected, and no feed is read."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.core.events import Notify
from tokenpair.core.health import Health
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.ports import FeedPage, FeedPosition, Storage, UnitOfWork

_log = logging.getLogger(__name__)

_ADVICE = (
    "write `with TestClient(app)` in a test, do not switch the server's lifespan off, and open "
    "the Auth of a mounted app in the parent's lifespan: `async with auth:`"
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


class OpenStorage:
    """A storage as one `Auth` uses it: only while that is open, with its own listeners.

    Several `Auth`s may share one storage. Each notifies its listeners only of its own events.
    """

    def __init__(self, storage: Storage, lifecycle: Lifecycle, notify: Notify) -> None:
        self._storage = storage
        # A private storage has nothing to open, so that tests need not open it.
        self._require_open = _nothing if storage.is_private else lifecycle.require_open
        self._notify = notify

    @property
    def is_private(self) -> bool:
        return self._storage.is_private

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        await self._storage.open(migrate=migrate, access=access)

    async def close(self) -> None:
        await self._storage.close()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        self._require_open()
        async with self._storage.begin() as tx:
            yield tx
        for event in tx.recorded:
            self._notify(event)

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
