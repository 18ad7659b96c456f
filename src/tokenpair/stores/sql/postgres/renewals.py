"""Renewals on PostgreSQL: many share a statement on a lane; the others are sent alone.

The driver is asyncpg, which takes a third of psycopg's CPU time for this.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.sessions.rule import SessionState, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.postgres.connection import Connector, limits
from tokenpair.stores.sql.postgres.lanes import Lanes
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.singles import Singles
from tokenpair.stores.sql.postgres.statements import (
    FIXED_PLAN,
    RENEW_MANY,
    RENEW_ONE,
    Arguments,
    Row,
)
from tokenpair.stores.sql.postgres.waiting import UNSETTLED
from tokenpair.stores.sql.renewal import rotate_before
from tokenpair.stores.sql.session_state import to_session_state
from tokenpair.stores.sql.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class _Senders:
    """What sends the renewals of one event loop. Once closed, it sends no more."""

    loop: asyncio.AbstractEventLoop
    lanes: Lanes | None
    singles: Singles
    connections: tuple[PreparedConnections, ...]

    async def close(self) -> None:
        if self.loop is not asyncio.get_running_loop():
            self.abandon()
            return
        await asyncio.gather(*(each.close() for each in self.connections))

    def abandon(self) -> None:
        """Drop the connections of an event loop that has ended."""
        for each in self.connections:
            each.abandon()


class PostgresRenewals:
    """Renews sessions on at most `size` connections, but at least two if there are lanes.

    `lanes` of them are lanes. With none, each renewal sends a statement of its own.
    """

    def __init__(
        self,
        connector: Connector,
        errors: ErrorTranslator,
        timeouts: Timeouts,
        *,
        size: int,
        lanes: int,
    ) -> None:
        self._connector = connector
        self._errors = errors
        self._timeouts = timeouts
        self._lanes = min(lanes, max(1, size - 1))
        self._singles = max(1, size - self._lanes)
        self._senders: _Senders | None = None

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        secret_hash = hash_secret(token.secret)
        row = await self._fetch(
            (
                token.token_id,
                token.generation,
                rotate_before(now, windows),
                token.parent,
                now,
                token.session_id,
                token.subject,
                secret_hash,
                windows.strict,
            )
        )
        if row is None:
            return None
        return to_session_state(
            row,
            user_id=token.subject,
            session_id=token.session_id,
            secret_hash=secret_hash,
        )

    async def share_nothing(self) -> None:
        """Send a statement for each renewal from now on, over all connections."""
        self._singles += self._lanes
        self._lanes = 0
        await self.close()

    async def close(self) -> None:
        """Refuse the renewals under way. Later ones open new connections."""
        senders, self._senders = self._senders, None
        if senders:
            await senders.close()

    async def _fetch(self, arguments: Arguments) -> Row | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeouts.pool
        senders = self._senders_of(loop)  # Only once: after `close`, there are others.
        with self._errors:
            if senders.lanes:
                answer = await senders.lanes.renew(arguments, deadline)
                if answer is not UNSETTLED:
                    return answer
            return await senders.singles.renew(arguments, deadline)

    def _senders_of(self, loop: asyncio.AbstractEventLoop) -> _Senders:
        if self._senders and self._senders.loop is not loop:
            self._senders.abandon()
            self._senders = None
        if self._senders is None:
            self._senders = self._make_senders(loop)
        return self._senders

    def _make_senders(self, loop: asyncio.AbstractEventLoop) -> _Senders:
        name = self._connector.url.name
        shared = self._connections(self._timeouts.lane, [RENEW_ONE, RENEW_MANY], FIXED_PLAN)
        alone = self._connections(self._timeouts.renewal, [RENEW_ONE])
        lanes = Lanes(shared, number=self._lanes, name=name) if self._lanes else None
        return _Senders(loop, lanes, self._make_singles(alone), (shared, alone))

    def _make_singles(self, connections: PreparedConnections) -> Singles:
        return Singles(connections, number=self._singles, name=self._connector.url.name)

    def _connections(
        self, lock: float, texts: Sequence[str], *settings: str
    ) -> PreparedConnections:
        """Return connections that wait for a locked row `lock` seconds."""
        statement = self._timeouts.renewal + self._timeouts.renewal_statement
        settings = (limits(lock=lock, statement=statement), *settings)
        return PreparedConnections(self._connector, self._timeouts, settings=settings, texts=texts)
