"""A storage on PostgreSQL whose renewals always share their statement with others."""

import asyncio
from datetime import datetime, timedelta

from tests.storages import PATIENT
from tokenpair.core.sessions.rule import SessionState, StoredSession, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.ids import uuid7
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.engine import make_backend
from tokenpair.stores.sql.pool import RENEWAL_LANES, default_pool_size
from tokenpair.stores.sql.postgres.database import PostgresDatabase
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.renewals import PostgresRenewals
from tokenpair.stores.sql.postgres.singles import Singles
from tokenpair.stores.sql.postgres.statements import Arguments, Row
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)


class CountingSingles(Singles):
    """Counts the renewals that were sent alone."""

    count = 0

    async def renew(self, arguments: Arguments, deadline: float) -> Row | None:
        self.count += 1
        return await super().renew(arguments, deadline)


class CountingRenewals(PostgresRenewals):
    """Renewals whose singles are counted."""

    singles: CountingSingles | None = None

    @property
    def alone(self) -> int:
        return self.singles.count if self.singles else 0

    def _make_singles(self, connections: PreparedConnections) -> Singles:
        self.singles = CountingSingles(connections, number=self._singles, name="of the test")
        return self.singles


class CrowdedStorage(SqlStorage):
    """Occupies the lanes for each renewal, which so waits, with one other, for the next batch.

    A renewal that succeeds without a concurrent one must have been settled by its batch: then the
    statement for many is not helped out by the statement for one.
    """

    renewals: CountingRenewals
    _others: tuple[StoredSession, ...] = ()
    _running = 0
    _is_only_one: bool

    @classmethod
    def to(cls, url: str, *, is_only_one: bool = True) -> "CrowdedStorage":
        """Make one; `open` it as usual.

        Unless it is the only one that renews these sessions, another one's lock may have a renewal
        sent alone.
        """
        backend = make_backend(url, timeouts=PATIENT)
        assert isinstance(backend, PostgresDatabase)
        storage = cls(backend)
        storage._is_only_one = is_only_one
        storage.renewals = backend.renewals = CountingRenewals(
            backend._connector,
            backend.errors,
            PATIENT,
            size=default_pool_size(),
            lanes=RENEWAL_LANES,
        )
        return storage

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        self._running += 1
        is_first, alone = self._running == 1, self.renewals.alone
        try:
            *others, state = await self._renew_with_others(token, now, windows)
        finally:
            self._running -= 1
        if self._is_only_one and is_first and not self._running and state is not None:
            assert self.renewals.alone == alone
        assert None not in others
        return state

    async def _renew_with_others(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> list[SessionState | None]:
        if not self._others:
            await self._add_others()
        # Other values in all parameters: otherwise a batch that mixes them up would not be found.
        later = NOW + timedelta(seconds=1)
        others = [
            super(CrowdedStorage, self).renew(make_token(each), later, FORGIVING)
            for each in self._others
        ]
        return await asyncio.gather(*others, super().renew(token, now, windows))

    async def _add_others(self) -> None:
        user = make_user(f"{uuid7().hex}@example.com")
        others = tuple(make_session(user) for _ in range(RENEWAL_LANES + 1))
        await keep(self, user, *others)
        self._others = others
