"""Authenticate: from a token to what it may be trusted to say, now."""

from dataclasses import dataclass

from tokenpair.core.claims import AccessClaims, Claims, RefreshClaims
from tokenpair.core.codec import Codec
from tokenpair.core.session import Standing
from tokenpair.errors import SessionEnded, StaleToken
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class Authenticate:
    """Check a token of either kind against the time and its session's row."""

    storage: Storage
    codec: Codec
    clock: Clock

    async def __call__(self, token: str) -> AccessClaims | RefreshClaims:
        """Verify a token of either kind. Raises what `access` and `refresh` raise."""
        claims = self.codec.decode(token)
        if isinstance(claims, AccessClaims):
            return await self._check_access(claims)
        return await self._check_refresh(claims)

    async def access(self, token: str) -> AccessClaims:
        """Verify an access token.

        Raises `InvalidToken`, `ExpiredToken`, `AccessTokenRequired`, `SessionEnded` and
        `StaleToken`.
        """
        return await self._check_access(self.codec.decode_access(token))

    async def refresh(self, token: str) -> RefreshClaims:
        """Verify a refresh token, without renewing: its session lives and knows its secret.

        Raises `InvalidToken`, `ExpiredToken`, `RefreshTokenRequired` and `SessionEnded`.
        """
        return await self._check_refresh(self.codec.decode_refresh(token))

    async def _check_access(self, claims: AccessClaims) -> AccessClaims:
        standing = await self._standing(claims)
        if standing.user_id != claims.subject:
            raise SessionEnded("the session is another user's")
        if claims.version < standing.version:
            raise StaleToken
        return claims

    async def _check_refresh(self, claims: RefreshClaims) -> RefreshClaims:
        standing = await self._standing(claims)
        if not standing.recognises(claims):
            raise SessionEnded("the token's secret is not the session's")
        return claims

    async def _standing(self, claims: Claims) -> Standing:
        now = self.clock()
        claims.check(now)
        if standing := await self.storage.standing(claims.session_id, now):
            return standing
        raise SessionEnded
