"""The token in the Authorization header (RFC 6750 §2.1), the pair in the body.

A browser cannot set that header for a WebSocket. There the token may follow `bearer` among the
offered subprotocols: `new WebSocket(url, ["bearer", token])`. Tokens in a query or a form are
ignored.
"""

from collections.abc import Iterable

from fastapi import Request, Response
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.types import Message, Scope, Send
from starlette.websockets import WebSocket

from tokenpair.auth import Auth
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.tokens.claims import AccessClaims, Claims
from tokenpair.errors import NotAuthenticated, Unavailable
from tokenpair.fastapi.problems.errors import InvalidRequest

SUBPROTOCOL = "bearer"


class Pair(BaseModel):
    """An access token and a refresh token; times in seconds.

    Store both: the refresh token may be the one that was presented, or a new one.
    """

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  The kind of token (RFC 6749 §7.1).
    expires_in: int
    refresh_expires_in: int


class HeaderTransport:
    """The transport of every client that keeps its tokens itself."""

    def token(self, request: Request) -> str:
        """Return the token in the Authorization header."""
        return bearer_token(request)

    def older_tokens(self, request: Request) -> list[str]:  # noqa: ARG002  As in `Transport`.
        """Return no token: only the client knows which tokens it has."""
        return []

    def pair(self, request: Request, pair: TokenPair) -> Response:  # noqa: ARG002  As in `Transport`.
        """Return a response with a `Pair`. Tokens are plain ASCII."""
        return Response(
            f'{{"access_token":"{pair.access_token}","refresh_token":"{pair.refresh_token}",'
            f'"token_type":"Bearer","expires_in":{int(pair.expires_in.total_seconds())},'
            f'"refresh_expires_in":{int(pair.refresh_expires_in.total_seconds())}}}',
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    def logged_out(self, request: Request) -> Response:  # noqa: ARG002  As in `Transport`.
        """Return an empty response."""
        return Response(status_code=204)


async def access_claims(auth: Auth, header: bytes) -> AccessClaims:
    """Verify the access token in an Authorization header.

    Raises `NotAuthenticated`, and what `Auth.verify_access` raises.
    """
    try:
        if claims := remembered_claims(auth, header):
            return claims
    except Unavailable:
        pass  # This worker's copy of the revocations is old; `verify_access` reads them again.
    token = token_in(header)
    claims = await auth.verify_access(token)
    _remember(auth, header, token, claims)
    return claims


async def verified_claims(auth: Auth, header: bytes) -> Claims:
    """Verify the token of either kind in an Authorization header.

    Raises `NotAuthenticated`, and what `Auth.verify` raises.
    """
    try:
        if claims := remembered_claims(auth, header):
            return claims
    except Unavailable:
        pass  # As in `access_claims`: `verify` reads the revocations again.
    token = token_in(header)
    verified = await auth.verify(token)
    if isinstance(verified, AccessClaims):
        _remember(auth, header, token, verified)
    return verified


def _remember(auth: Auth, header: bytes, token: str, claims: AccessClaims) -> None:
    # One token can come in many forms, with spaces of any number. Only the usual one is remembered.
    if header == f"Bearer {token}".encode("latin-1"):
        auth.verified.put(header, claims)


def remembered_claims(auth: Auth, header: bytes) -> AccessClaims | None:
    """Return the claims of a header that was verified before, or None.

    Raises `ExpiredToken`, `SessionEnded`, `StaleToken` and `Unavailable`.
    """
    if claims := auth.verified.get(header):
        claims.check(auth.clock())
        auth.feed.require_unrevoked(claims)
    return claims


def bearer_token(request: HTTPConnection) -> str:
    """Return the token of a request or a WebSocket, unverified.

    Raises `NotAuthenticated` for no header, an empty token or another scheme, and `InvalidRequest`
    for two headers, or for a header and the subprotocol `bearer`.
    """
    return token_in(credentials_of(request.scope))


def credentials_of(scope: Scope) -> bytes:
    """Return the unchanged Authorization header. Raises `NotAuthenticated` and `InvalidRequest`.

    If a WebSocket offers the token as a subprotocol, return the header that would carry it.
    """
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                raise InvalidRequest("two Authorization headers")
            found = value
    if scope["type"] == "websocket" and SUBPROTOCOL in (offers := _offers(scope)):
        if found is not None:
            raise InvalidRequest("an Authorization header and the subprotocol bearer")
        return b"Bearer " + _offered_token(offers).encode("latin-1")
    if found is None:
        raise NotAuthenticated
    return found


def token_in(credentials: bytes) -> str:
    """Return the token in an Authorization header. Raises `NotAuthenticated`."""
    scheme, _, token = credentials.partition(b" ")
    token = token.strip(b" ")
    if not token or scheme.lower() != b"bearer":
        raise NotAuthenticated
    return str(token, "latin-1")


def has_token(scope: Scope) -> bool:
    """Tell whether a token was sent, or an ambiguous request, which must be refused."""
    try:
        return bool(token_in(credentials_of(scope)))
    except NotAuthenticated:
        return False
    except InvalidRequest:
        return True


def answer_offer(request: HTTPConnection) -> None:
    """Make the `accept()` of a WebSocket name `bearer` if it was offered: see `naming_bearer`."""
    if isinstance(request, WebSocket):
        # All methods that send call this one.
        request.send = naming_bearer(  # type: ignore[method-assign, assignment]  # A `Send`, too.
            request.scope, request.send
        )


def naming_bearer(scope: Scope, send: Send) -> Send:
    """Return a `send` that names `bearer` as the subprotocol if it was offered.

    A browser drops the connection unless the answer names one of its offers. If the app names
    another one, that is sent; but the token is never sent.
    """
    offers = _offers(scope)
    if SUBPROTOCOL not in offers:
        return send
    replaced = ("", None, _after_bearer(offers))

    async def send_with_bearer(message: Message) -> None:
        if message["type"] == "websocket.accept" and message.get("subprotocol") in replaced:
            message = {**message, "subprotocol": SUBPROTOCOL}
        await send(message)

    return send_with_bearer


def _offers(scope: Scope) -> list[str]:
    """Return the offered subprotocols (RFC 6455 §4.1), in order."""
    # ASGI servers need not parse the header; uvicorn with wsproto does, and removes it.
    if parsed := scope.get("subprotocols"):
        return list(parsed)
    values = [
        str(value, "latin-1")
        for name, value in scope["headers"]
        if name == b"sec-websocket-protocol"
    ]
    return [each.strip(" \t") for value in values for each in value.split(",")]


def _offered_token(offers: list[str]) -> str:
    if offers.count(SUBPROTOCOL) > 1:
        raise InvalidRequest("the subprotocol bearer twice")
    return _after_bearer(offers)


def _after_bearer(offers: list[str]) -> str:
    """Return the offer after `bearer`; "" if it is the last one."""
    after = offers.index(SUBPROTOCOL) + 1
    return offers[after] if after < len(offers) else ""
