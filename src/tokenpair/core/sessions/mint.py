"""Make the tokens of a session: its first pair, and the next ones."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypedDict

from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import AccessClaims, FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.encoding import base64url
from tokenpair.core.tokens.lifetimes import Lifetimes


class _Span(TypedDict):
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """The access token and the refresh token that a client holds.

    `expires_in` and `refresh_expires_in` are the times until they expire. `repr` hides both
    tokens, so that no log shows them. Serialising does not: return a pair only to its own client,
    from a log-in endpoint of yours.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: timedelta
    refresh_expires_in: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAccessToken:
    """An access token alone, for a client that keeps its refresh token. `repr` hides the token."""

    access_token: str = field(repr=False)
    expires_in: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """Makes token pairs. `random` returns as many random bytes as it is asked for."""

    codec: Codec
    lifetimes: Lifetimes
    windows: Windows
    random: Callable[[int], bytes] = field(repr=False)

    def new_secret(self) -> bytes:
        """Return a new session's secret: 128 random bits."""
        return self.random(16)

    def new_token_id(self) -> str:
        """Return a new token's id: 128 random bits, base64url."""
        return base64url(self.random(16))

    def first_pair(self, state: SessionState, secret: bytes, now: datetime) -> TokenPair:
        """Make the pair of a log-in. Its refresh token is a child of the session's first head."""
        refresh = FullRefreshClaims(
            subject=state.user_id,
            session_id=state.session_id,
            token_id=self.new_token_id(),
            parent=state.head,
            generation=1,
            secret=secret,
            **self._span(now, self.lifetimes.idle, state),
        )
        return self._pair(state, self.codec.encode(refresh), refresh, now)

    def next_pair(
        self, state: SessionState, token: str, claims: FullRefreshClaims, now: datetime
    ) -> TokenPair:
        """Make the pair that answers a renewal with `token`; `claims` are its claims.

        If the session's head is now `token`, the new refresh token is a child of it. Otherwise the
        verdict was *hold*, and the client gets `token` again.
        """
        if state.head != claims.token_id:
            return self._pair(state, token, claims, now)
        child = self.child_of(claims, state, now)
        return self._pair(state, self.codec.encode(child), child, now)

    def access_token(self, state: SessionState, now: datetime) -> IssuedAccessToken:
        """Make an access token for a client that keeps its refresh token."""
        claims = self._access(state, now)
        return IssuedAccessToken(
            access_token=self.codec.encode(claims), expires_in=claims.expires_at - claims.issued_at
        )

    def child_of(
        self, token: FullRefreshClaims, state: SessionState, now: datetime
    ) -> FullRefreshClaims:
        """Return the claims of a child of `token`, which is the session's head.

        Within the repeat window every presentation gets the identical child, so two tabs of one
        client never hold different tokens. Later each gets a child of its own, so an owner and a
        thief always do. The child is derived from the session's secret, which no database knows.
        """
        is_repeatable = now - state.rotated_at <= self.windows.repeat
        issued_at = state.rotated_at if is_repeatable else now
        return FullRefreshClaims(
            subject=token.subject,
            session_id=token.session_id,
            token_id=derived_child_id(token) if is_repeatable else self.new_token_id(),
            parent=token.token_id,
            generation=token.generation + 1,
            secret=token.secret,
            **self._span(issued_at, self.lifetimes.idle, state),
        )

    def _pair(
        self, state: SessionState, token: str, claims: FullRefreshClaims, now: datetime
    ) -> TokenPair:
        access = self._access(state, now)
        return TokenPair(
            access_token=self.codec.encode(access),
            refresh_token=token,
            expires_in=access.expires_at - access.issued_at,
            refresh_expires_in=claims.expires_at - access.issued_at,
        )

    def _access(self, state: SessionState, now: datetime) -> AccessClaims:
        return AccessClaims(
            subject=state.user_id,
            session_id=state.session_id,
            token_id=self.new_token_id(),
            roles=state.roles,
            version=state.version,
            authenticated_at=state.authenticated_at,
            amr=state.amr,
            email_verified=state.email_verified,
            **self._span(now, self.lifetimes.access, state),
        )

    @staticmethod
    def _span(issued_at: datetime, lifetime: timedelta, state: SessionState) -> _Span:
        """Return `issued_at` and `expires_at`, in whole seconds, within the session's lifetime."""
        issued_at = issued_at.replace(microsecond=0)
        expires_at = min(issued_at + lifetime, state.expires_at).replace(microsecond=0)
        return {"issued_at": issued_at, "expires_at": expires_at}


def derived_child_id(token: FullRefreshClaims) -> str:
    """Return the id of the child that `token` has within the repeat window."""
    mac = hmac.digest(token.secret, b"child:" + token.token_id.encode(), sha256)
    return base64url(mac[:16])
