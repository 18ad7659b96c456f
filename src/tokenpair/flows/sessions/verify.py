"""Verify a token: return its claims if they can be trusted now."""

from dataclasses import dataclass, replace

from tokenpair.core.sessions.rule import SessionState, judge_unrenewed
from tokenpair.core.tokens.claims import AccessClaims, Claims, FullRefreshClaims, RefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.flows.sessions.judge import Judge
from tokenpair.ports import Clock, Storage, Watch


@dataclass(frozen=True, kw_only=True)
class Authenticate:
    """Verify tokens of both kinds.

    An access token is checked against the time and the revocations, without I/O. A refresh token is
    valid for longer than revocations are kept, so it is checked against its session's row.
    """

    storage: Storage
    codec: Codec
    clock: Clock
    watch: Watch
    judge: Judge
    lifetimes: Lifetimes
    """Revocations are kept for the access lifetime, so an older access token is not accepted."""

    async def __call__(self, token: str) -> AccessClaims | RefreshClaims:
        """Verify a token of either kind. Raises what `access` and `refresh` raise."""
        try:
            claims = self._decoded(token)
        except Unavailable:
            await self.watch.catch_up()
            claims = self._decoded(token)
        return (
            await self._require_accepted(claims)
            if isinstance(claims, FullRefreshClaims)
            else claims
        )

    def _decoded(self, token: str) -> AccessClaims | FullRefreshClaims:
        """Verify an access token, and of a refresh token everything except its session's row."""
        claims = self.codec.decode(token)
        return claims if isinstance(claims, FullRefreshClaims) else self._live(claims)

    async def current_access(self, token: str) -> AccessClaims:
        """As `access`, but if this worker's copy of the revocations is old, read the feed first."""
        try:
            return self.access(token)
        except Unavailable:
            await self.watch.catch_up()
            return self.access(token)

    def access(self, token: str) -> AccessClaims:
        """Verify an access token.

        Raises `InvalidToken`, `ExpiredToken`, `AccessTokenRequired`, `SessionEnded`,
        `StaleToken`, and `Unavailable` when this worker's copy of the revocations is too old.
        """
        return self._live(self.codec.decode_access(token))

    async def require_session(self, claims: AccessClaims) -> None:
        """Check the row of an access token's session. Raises `SessionEnded` and `StaleToken`."""
        state = await self._session_state(claims)
        if claims.version < state.version:
            raise StaleToken

    async def refresh(self, token: str) -> RefreshClaims:
        """Verify a refresh token without renewing: its session would accept it.

        A replay ends the session, as in a renewal. Nothing else changes. Raises `InvalidToken`,
        `ExpiredToken`, `RefreshTokenRequired`, `SessionEnded`, `TokenSuperseded` and `Unavailable`.
        """
        return await self._require_accepted(self.codec.decode_refresh(token))

    def _live(self, claims: AccessClaims) -> AccessClaims:
        """Check the claims of a token with a valid signature, and return them."""
        # The token may be from a time with a longer lifetime. Differences are compared, because the
        # sum may be later than the last datetime.
        longest = self.lifetimes.access
        if claims.expires_at - claims.issued_at > longest:
            claims = replace(claims, expires_at=claims.issued_at + longest)
        claims.check(self.clock())
        self.watch.require_unrevoked(claims)
        return claims

    async def _require_accepted(self, claims: FullRefreshClaims) -> RefreshClaims:
        state = await self._session_state(claims)
        if state.recognises(claims) and state.accepts(claims):
            return claims.public
        await self.judge(claims, self.clock(), rule=judge_unrenewed)
        return claims.public

    async def _session_state(self, claims: Claims) -> SessionState:
        now = self.clock()
        claims.check(now)
        if state := await self.storage.session_state(claims.subject, claims.session_id, now):
            return state
        raise SessionEnded
