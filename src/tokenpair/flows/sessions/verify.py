"""Verify a token: return its claims if they can be trusted now."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tokenpair.core.sessions.rule import SessionState, judge_unrenewed
from tokenpair.core.tokens.claims import AccessClaims, Claims, FullRefreshClaims, RefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.core.tokens.verified import VerifiedTokens
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.flows.sessions.judge import Judge
from tokenpair.ports import Clock, Storage, Watch

USUAL = "Bearer "
"""Before a token, in the header that nearly every client sends."""


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
    verified: VerifiedTokens
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
        if known := self.verified.get(token):
            return self._require_live(known)
        claims = self.codec.decode(token)
        return claims if isinstance(claims, FullRefreshClaims) else self._remembered(token, claims)

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
        if known := self.verified.get(token):
            return self._require_live(known)
        return self._remembered(token, self.codec.decode_access(token))

    def presented(self, credentials: bytes, read: Callable[[bytes], str]) -> AccessClaims:
        """Verify an access token in the form in which it came.

        Known to the byte, it need not be looked into; else `read` gets the token out of it, and
        may raise. Raises what `access` raises.
        """
        if not (claims := self.verified.get(credentials)):
            token = read(credentials)
            if credentials == f"{USUAL}{token}".encode("latin-1", "replace"):
                return self._remembered(credentials, self.codec.decode_access(token))
            # One token can come in any number of forms, of any length, which are not remembered.
            return self.access(token)
        # As `_require_live`, which would be one call more on the way of every request.
        claims.check(self.clock())
        self.watch.require_unrevoked(claims)
        return claims

    async def access_of_row(self, token: str) -> AccessClaims:
        """Verify an access token, and check its session's row too. Raises what `access` raises."""
        claims = await self.current_access(token)
        state = await self._session_state(claims)
        if claims.version < state.version:
            raise StaleToken
        return claims

    async def refresh(self, token: str) -> RefreshClaims:
        """Verify a refresh token without renewing: its session would accept it.

        A replay ends the session, as in a renewal. Nothing else changes. Raises `InvalidToken`,
        `ExpiredToken`, `RefreshTokenRequired`, `SessionEnded`, `TokenSuperseded` and `Unavailable`.
        """
        return await self._require_accepted(self.codec.decode_refresh(token))

    def _require_live(self, claims: AccessClaims) -> AccessClaims:
        """Check what may have changed since the token was verified."""
        claims.check(self.clock())
        self.watch.require_unrevoked(claims)
        return claims

    def _remembered(self, text: str | bytes, claims: AccessClaims) -> AccessClaims:
        """Check the claims of a token with a valid signature, and remember it if they are valid."""
        # The token may be from a time with a longer lifetime. Differences are compared, because the
        # sum may be later than the last datetime.
        longest = self.lifetimes.access
        if claims.expires_at - claims.issued_at > longest:
            claims = replace(claims, expires_at=claims.issued_at + longest)
        self._require_live(claims)
        self.verified.put(text, claims)
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
