"""The steps of a renewal without storage, each with one more step than the last."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tokenpair import Auth
from tokenpair.core.sessions.rule import SessionState
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.fastapi.transport.header import HeaderTransport

Endpoint = Callable[[Request], Awaitable[Response]]

ANSWER, READ, SIGN = "/steps/answer", "/steps/read", "/steps/sign"

_BEGAN = datetime.now(UTC).replace(microsecond=0)
_ENDS = _BEGAN + timedelta(days=1)

PRESENTED = FullRefreshClaims(
    subject=UUID(int=1),
    session_id=UUID(int=2),
    token_id="A" * 22,
    parent="B" * 22,
    generation=1,
    secret=bytes(16),
    issued_at=_BEGAN,
    expires_at=_ENDS,
)
"""The claims of the token that is sent to every step."""

_STATE = SessionState(
    session_id=PRESENTED.session_id,
    user_id=PRESENTED.subject,
    secret_hash=bytes(32),
    head=PRESENTED.token_id,
    rotated_at=_BEGAN,
    expires_at=_ENDS,
    authenticated_at=_BEGAN,
    amr=frozenset({"pwd"}),
    roles=frozenset(),
    version=1,
    email_verified=True,
)


def endpoints(auth: Auth) -> dict[str, Endpoint]:
    """Return the endpoint of each step, by path."""
    mint = auth.renew.mint
    transport = HeaderTransport()
    codec, token = mint.codec, mint.codec.encode(PRESENTED)
    pair = mint.next_pair(_STATE, token, PRESENTED, _BEGAN)

    async def answer(request: Request) -> Response:
        transport.token(request)
        return transport.pair(request, pair)

    async def read(request: Request) -> Response:
        codec.decode_refresh(transport.token(request))
        return transport.pair(request, pair)

    async def sign(request: Request) -> Response:
        presented = transport.token(request)
        claims = codec.decode_refresh(presented)
        return transport.pair(request, mint.next_pair(_STATE, presented, claims, auth.clock()))

    return {ANSWER: answer, READ: read, SIGN: sign}
