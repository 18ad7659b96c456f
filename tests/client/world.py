"""A real server in a thread, with a clock that stands still, whose answers a test can spoil."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.waiting import wait_until
from tokenpair import Auth, Lifetimes
from tokenpair.client import Clock
from tokenpair.fastapi import AccessToken, install
from tokenpair.testing import FakeClock, a_user, make_auth

EMAIL = "ada@example.com"
Spoil = Callable[[Scope, Receive, Send, ASGIApp], Coroutine[Any, Any, None]]


async def lose(scope: Scope, receive: Receive, send: Send, app: ASGIApp) -> None:
    """Do what was asked, and close the connection in the middle of the answer."""

    async def send_part(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    await app(scope, receive, send_part)


def answer(response: Response) -> Spoil:
    """Answer this in place of the server, as a proxy does."""

    async def spoil(scope: Scope, receive: Receive, send: Send, _: ASGIApp) -> None:
        await response(scope, receive, send)

    return spoil


def problem(status: int, code: str, **headers: str) -> Spoil:
    """Answer with an error of tokenpair."""
    body = f'{{"status": {status}, "code": "{code}"}}'
    return answer(Response(body, status, headers, "application/problem+json"))


HTML = answer(HTMLResponse("<h1>Welcome to the hotel's network</h1>"))
BAD_GATEWAY = answer(HTMLResponse("<h1>502 Bad Gateway</h1>", 502))
HTML_401 = answer(HTMLResponse("<h1>Log in to the proxy</h1>", 401))
HUGE = answer(
    Response(
        b'{"access_token": "a", "refresh_token": "r", "expires_in": 9, "refresh_expires_in": 99'
        + b" " * 100_000
        + b"}",
        media_type="application/json",
    )
)
NOT_JSON = answer(Response(b'{"access_token": ', media_type="application/json"))
NO_PAIR = answer(Response(b'{"access_token": "a b\\r\\n"}', media_type="application/json"))


@dataclass
class World:
    """The server, and what was sent to it."""

    auth: Auth
    clock: FakeClock
    portal: BlockingPortal
    url: str = ""
    spoils: list[Spoil | None] = field(default_factory=list)
    """What to do with the next renewals, log-ins and log-outs, in order; None is as usual."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and token of each request, without those that are spoilt before the server."""
    slept: list[float] = field(default_factory=list)
    instead: dict[str, Spoil] = field(default_factory=dict)
    """Answers in place of the server's, by path."""
    is_lost: Callable[[], bool] = bool
    """Whether the next answer is lost, if no spoil is there."""

    @property
    def auth_url(self) -> str:
        return f"{self.url}/auth"

    @property
    def renewals(self) -> list[str]:
        """The refresh tokens that were presented."""
        return [token for path, token in self.asked if path == "/auth/refresh_token"]

    def call(self, function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> Any:
        """Run something in the server's event loop."""
        return self.portal.call(function, *arguments)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds=seconds)

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def client_clock(self, *, wall_is_off_by: float = 0) -> Clock:
        """Return the clock of a client on a machine whose date may be wrong."""
        return Clock(
            monotonic=lambda: self.clock.now.timestamp() - 1e9,
            wall=lambda: self.clock.now.timestamp() + wall_is_off_by,
            sleep=self.sleep,
            async_sleep=self.async_sleep,
        )


class Spoiled:
    """The app behind what spoils its answers."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = Request(scope).headers.get("authorization", "").removeprefix("Bearer ")
        self._world.asked.append((scope["path"], token))
        paths = {"/auth/refresh_token", "/auth/login", "/auth/logout"}
        spoils = self._world.spoils
        spoil = spoils.pop(0) if spoils and scope["path"] in paths else None
        spoil = self._world.instead.get(scope["path"], spoil)
        spoil = lose if spoil is None and self._world.is_lost() else spoil
        if spoil is None:
            await self._app(scope, receive, send)
        else:
            await spoil(scope, receive, send, self._app)


def make_app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)

    @app.get("/hello")
    async def hello(token: AccessToken) -> str:
        return str(token.subject)

    @app.post("/echo")
    async def echo(_: AccessToken, request: Request) -> int:
        return len(await request.body())

    @app.get("/elsewhere")
    async def elsewhere(to: str) -> Response:
        return RedirectResponse(to)

    @app.get("/refused")
    async def refused() -> Response:
        return Response('{"code": "token_invalid"}', 401, media_type="application/problem+json")

    return app


@contextmanager
def running(*, access: timedelta = timedelta(minutes=10)) -> Iterator[World]:
    """Start the server with the user `EMAIL`, and stop it at the end."""
    clock = FakeClock()
    auth = make_auth(clock=clock, lifetimes=Lifetimes(access=access))
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # It complains of `lose`.
    with start_blocking_portal() as portal:
        world = World(auth, clock, portal)
        app = Spoiled(make_app(auth), world)
        server = uvicorn.Server(uvicorn.Config(app, port=0, access_log=False, log_config=None))
        served = portal.start_task_soon(server.serve)
        wait_until(lambda: server.started or served.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        world.url = f"http://127.0.0.1:{port}"
        world.call(a_user, auth, EMAIL)
        try:
            yield world
        finally:
            server.should_exit = True
            served.result()
