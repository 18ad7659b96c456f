"""The endpoints of the demo. A page of Bookly calls them; they are not in the OpenAPI document."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse

from bookly.settings import BooklySettings
from bookly.web.demo.access import require_same_machine
from bookly.web.demo.cookies import HANDLE, TOKEN, OwnPage, keep_in_cookie
from bookly.web.demo.service import EMAIL, RULES, Demo, Renewal
from bookly.web.demo.sessions import DemoSession
from tokenpair import AccessClaims, TokenPair
from tokenpair.errors import NotAuthenticated, SessionEnded
from tokenpair.fastapi import AccessTokenBearer, ProblemRoute

PATH = "/demo"

LOST = "X-Bookly-Lost"
"""The header of an answer that the page treats as lost on the way."""

TIMES = {
    "access": RULES.lifetimes.access.total_seconds(),
    "repeat": RULES.windows.repeat.total_seconds(),
    "superseded": RULES.windows.superseded.total_seconds(),
}
"""The demo's lifetime of an access token and its windows, in seconds, for the page."""

Tab = Annotated[str | None, Header(alias="X-Bookly-Tab")]


def add_demo(app: FastAPI, demo: Demo, settings: BooklySettings) -> None:
    """Add the endpoints to an app, if `access.is_offered` allows it."""
    options: dict[str, Any] = {"route_class": ProblemRoute, "include_in_schema": False}
    near = Depends(require_same_machine)
    own_page = Depends(OwnPage(settings.auth.base_url))
    safe = APIRouter(prefix=PATH, dependencies=[near], **options)
    unsafe = APIRouter(prefix=PATH, dependencies=[near, own_page], **options)
    _add_views(safe, demo)
    _add_session(unsafe, demo)
    _add_mishaps(unsafe, demo)
    app.include_router(safe)
    app.include_router(unsafe)


def _add_views(router: APIRouter, demo: Demo) -> None:
    AccessToken = Annotated[AccessClaims, Depends(AccessTokenBearer(demo.auth))]  # noqa: N806  A type.

    @router.get("")
    async def see_demo(request: Request, tab: Tab = None) -> Response:
        """See the demo's times, and the visitor's session."""
        return _state(demo.find(request.cookies.get(HANDLE)), tab)

    @router.get("/auth/me")
    async def see_demo_user(token: AccessToken) -> dict[str, Any]:
        """See the demo's user."""
        return {"id": str(token.subject), "email": EMAIL, "email_verified": False, "roles": []}


def _add_session(router: APIRouter, demo: Demo) -> None:
    @router.post("/auth/login")
    async def start_demo(request: Request) -> Response:
        """Open a session, without credentials; the visitor's earlier one ends."""
        earlier = demo.find(request.cookies.get(HANDLE))
        await demo.end(earlier, request.cookies.get(TOKEN))
        demo.forget(earlier)
        session, pair = await demo.start()
        response = _paired(pair)
        lifetime = int(RULES.lifetimes.session.total_seconds())
        keep_in_cookie(response, HANDLE, session.handle, seconds=lifetime)
        return response

    @router.post("/auth/refresh_token")
    async def renew_demo(request: Request, tab: Tab = None) -> Response:
        """Renew, and tell the verdict and the generation beside the access token."""
        session, token = demo.find(request.cookies.get(HANDLE)), _token(request)
        if session is None:
            raise SessionEnded("the demo has dropped it, or the server was restarted")
        return _renewed(await demo.renew(session, token, tab=session.tab(tab)))

    @router.post("/auth/logout")
    async def log_out_of_demo(request: Request) -> Response:
        """End the visitor's session."""
        session = demo.find(request.cookies.get(HANDLE))
        await demo.end(session, request.cookies.get(TOKEN))
        response = Response(status_code=204)
        response.delete_cookie(TOKEN, path="/", secure=True, httponly=True, samesite="strict")
        return response


def _add_mishaps(router: APIRouter, demo: Demo) -> None:
    @router.post("/lose")
    async def lose(request: Request, tab: Tab = None) -> Response:
        """Lose the answer to the next renewal of the visitor."""
        session = demo.get(request.cookies.get(HANDLE))
        session.loses_next = True
        return _state(session, tab)

    @router.post("/theft")
    async def steal(request: Request, tab: Tab = None) -> Response:
        """Copy the visitor's refresh token. The copy stays here; the page gets a handle to it."""
        session = demo.get(request.cookies.get(HANDLE))
        demo.steal(session, _token(request))
        return _state(session, tab)

    @router.post("/theft/{handle}/renew")
    async def renew_stolen(request: Request, handle: str, tab: Tab = None) -> Response:
        """Renew with the stolen token."""
        session = demo.get(request.cookies.get(HANDLE))
        await demo.renew_stolen(session, handle)
        return _state(session, tab)


def _token(request: Request) -> str:
    if token := request.cookies.get(TOKEN):
        return token
    raise NotAuthenticated


def _state(session: DemoSession | None, tab: str | None) -> JSONResponse:
    shown = session.as_json(session.tab(tab)) if session else None
    return JSONResponse({"times": TIMES, "session": shown})


def _renewed(renewal: Renewal) -> Response:
    pair = renewal.pair
    if pair is None:
        raise renewal.error or NotAuthenticated
    if renewal.entry.is_lost:
        return Response(status_code=204, headers={LOST: "1"})
    told = {"verdict": renewal.entry.outcome.value, "generation": renewal.entry.generation}
    return _paired(pair, **told)


def _paired(pair: TokenPair, **told: object) -> Response:
    """Return the answer with a pair, as in cookie mode, and what is told beside it."""
    lifetime = int(pair.refresh_expires_in.total_seconds())
    response = JSONResponse(
        {
            "access_token": pair.access_token,
            "token_type": "Bearer",
            "expires_in": int(pair.expires_in.total_seconds()),
            "refresh_expires_in": lifetime,
            **told,
        }
    )
    keep_in_cookie(response, TOKEN, pair.refresh_token, seconds=lifetime)
    return response
