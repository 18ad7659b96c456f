"""Reauthenticate: prove again who is using a session, without a new one."""

from dataclasses import dataclass, replace

from tokenpair.core.events import Reauthenticated
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.mint import IssuedAccessToken, Mint
from tokenpair.core.sessions.rule import SessionState
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import SessionEnded
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.flows.accounts.confirmed import lock_confirmed
from tokenpair.ports import Clock, Storage

_PASSWORD = frozenset({"pwd"})


@dataclass(frozen=True, kw_only=True)
class Reauthenticate:
    """Check the password of a session's user, and count that as the session's latest log-in.

    The client keeps its refresh token. The tokens of later renewals carry the new time, too.
    """

    storage: Storage
    confirm_password: ConfirmPassword
    mint: Mint
    clock: Clock

    async def __call__(
        self, claims: AccessClaims, password: str, *, device: Device | None = None
    ) -> IssuedAccessToken:
        """Return a new access token of the session of `claims`, with a new `authenticated_at`.

        `device` is that of the request, for the limits. Raises `WrongPassword`,
        `TooManyRequests`, `SessionEnded` and `Unavailable`.
        """
        user_id, session_id = claims.subject, claims.session_id
        confirmed = await self.confirm_password(user_id, password, device or Device())
        now = self.clock()
        async with self.storage.begin() as tx:
            user = await lock_confirmed(tx, confirmed)
            found = await tx.sessions.lock(user_id, session_id)
            if found is None:
                raise SessionEnded("no such session")
            session = replace(found[0], authenticated_at=now, amr=found[0].amr | _PASSWORD)
            if not await tx.sessions.set_authenticated(user_id, session_id, session.amr, now):
                raise SessionEnded("ended while the password was checked")
            await tx.record(Reauthenticated(user_id=user_id, session_id=session_id))
        return self.mint.access_token(SessionState.of(session, user.user), now)
