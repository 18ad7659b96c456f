"""Renewals on PostgreSQL: many share a statement on a lane; the others are sent alone.

The driver is asyncpg, which takes a third of psycopg's CPU time for this.
"""

import asyncio
from datetime import datetime

import asyncpg

from tokenpair.core.sessions.rule import SessionState, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.postgres.connection import Connector, limits
from tokenpair.stores.sql.postgres.lanes import UNSETTLED, Arguments, Lanes, Row
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.statements import FIXED_PLAN, RENEW_MANY, RENEW_ONE
from tokenpair.stores.sql.renewal import rotate_before
from tokenpair.stores.sql.session_state import to_session_state
from tokenpair.stores.sql.timeouts import Timeouts


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
        self._number = min(lanes, max(1, size - 1))
        self._size = max(1, size - self._number)
        self._start()

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

    def share_nothing(self) -> None:
        """Send a statement for each renewal from now on, over all connections."""
        self._size += self._number
        self._number = 0
        self._places = asyncio.Semaphore(self._size)

    async def close(self) -> None:
        lanes, alone = self._lanes, self._alone
        # The state may belong to an event loop that has ended, so a new start gets a new one.
        self._start()
        await asyncio.gather(lanes.close(), alone.close())

    def _start(self) -> None:
        timeouts, connector = self._timeouts, self._connector
        seconds = timeouts.renewal + timeouts.renewal_statement
        self._lanes = Lanes(
            PreparedConnections(
                connector,
                timeouts,
                settings=[limits(lock=timeouts.lane, statement=seconds), FIXED_PLAN],
                texts=[RENEW_ONE, RENEW_MANY],
            ),
            number=self._number,
            seconds=timeouts.pool,
            name=connector.url.name,
        )
        self._alone = PreparedConnections(
            connector,
            timeouts,
            settings=[limits(lock=timeouts.renewal, statement=seconds)],
            texts=[RENEW_ONE],
        )
        self._places = asyncio.Semaphore(self._size)

    async def _fetch(self, arguments: Arguments) -> Row | None:
        with self._errors:
            if self._number:
                answer = await self._lanes.renew(arguments)
                if answer is not UNSETTLED:
                    return answer
            return await self._fetch_alone(arguments)

    async def _fetch_alone(self, arguments: Arguments) -> asyncpg.Record | None:
        """Send a statement of its own, which waits for its session's row.

        A caller that waits too long, for a connection or for the row, gets `Unavailable`.
        """
        places = self._places
        if places.locked():
            await self._wait_for(places)
        else:
            await places.acquire()
        try:
            rows = await self._alone.fetch(0, arguments)
        finally:
            places.release()
        return rows[0] if rows else None

    async def _wait_for(self, places: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._timeouts.pool):
                await places.acquire()
        except TimeoutError as exc:
            name = self._connector.url.name
            raise Unavailable(f"timed out waiting for a connection to {name}") from exc
