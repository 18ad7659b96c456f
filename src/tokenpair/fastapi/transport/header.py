"""Where the token of a request or of a WebSocket is read from.

That is the Authorization header (RFC 6750 §2.1). A browser cannot set it for a WebSocket, so there
the token may also follow `bearer` among the offered subprotocols:
`new WebSocket(url, ["bearer", token])`. One in the query or in a form is ignored.
"""

from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.types import Message, Scope, Send
from starlette.websockets import WebSocket

from tokenpair.errors import NotAuthenticated
from tokenpair.fastapi.problems.errors import InvalidRequest

SUBPROTOCOL = "bearer"


def bearer_token(request: HTTPConnection) -> str:
    """Return the token of a request or a WebSocket, as yet unverified.

    Raises `NotAuthenticated` for no header, an empty token or another scheme, and
    `InvalidRequest` for two headers, or tokens in both places.
    """
    return token_in(credentials_of(request.scope))


def credentials_of(scope: Scope) -> bytes:
    """Return the Authorization header as it came. Raises `NotAuthenticated` and `InvalidRequest`.

    For a token among the offers of a WebSocket, return the header that would carry it.
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
    """Tell whether a token was sent, or what cannot be read and must be refused."""
    try:
        return bool(token_in(credentials_of(scope)))
    except NotAuthenticated:
        return False
    except InvalidRequest:
        return True


def answer_offer(request: HTTPConnection) -> None:
    """Let the `accept()` of a WebSocket name `bearer` where it was offered: see `answering`."""
    if isinstance(request, WebSocket):
        # All its other methods call this one.
        request.send = answering(  # type: ignore[method-assign, assignment]  # A `Send`, too.
            request.scope, request.send
        )


def answering(scope: Scope, send: Send) -> Send:
    """Return a `send` that names `bearer` as the subprotocol, where it was offered.

    A browser drops the connection unless the answer names one of its offers. An app that
    names another one itself is let be; but the token is never named.
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
    """Return the subprotocols that a client offers (RFC 6455 §4.1), in its order."""
    # Uvicorn with wsproto leaves the header out; that a server parses it is optional in ASGI.
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
    """Return what follows `bearer` among the offers; "" if it is the last."""
    after = offers.index(SUBPROTOCOL) + 1
    return offers[after] if after < len(offers) else ""
