"""The app of the how-to page for browsers, behind a real server, with a clock that tests move."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.middleware.cors import CORSMiddleware
from uvicorn.config import Config

from tests.docs.reading import HOW_TO, blocks
from tests.waiting import LIMIT_SECONDS
from tokenpair import Auth
from tokenpair.fastapi import AccessToken, install
from tokenpair.options import Edge
from tokenpair.testing import FakeClock, a_user, make_auth

PAGE = HOW_TO / "browser.md"
POLICY = "default-src 'none'; script-src 'self'; connect-src {}; form-action 'self'"
BAD_GATEWAY = "<h1>502 Bad Gateway</h1>"
WORKER = """
import { createSession } from "/tokenpair/latest/tokenpair.js";
const session = createSession({ baseUrl: "/auth" });
addEventListener("message", async ({ source }) => {
  const answer = await session.fetch("/books");
  source.postMessage([session.user?.email ?? null, answer.status]);
});
"""


@dataclass
class Serving:
    """A running app; `requests` counts method, path and status.

    `lost` are paths: the next answer of each is replaced by that of a proxy that has lost it.
    """

    url: str
    auth: Auth
    clock: FakeClock
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    calls: str = "'self'"

    def count(self, path: str, status: int) -> int:
        """Return the number of POSTs to a path with this status."""
        return self.requests["POST", path, status]


@contextmanager
def serving(*, origin: str = "", calls: str = "'self'") -> Iterator[Serving]:
    """Serve the app in a thread, on a free port; stop it at the end.

    `origin`: of pages elsewhere that may call it; `calls`: where its own pages may send requests.
    """
    app, clock = FastAPI(), FakeClock()
    server = uvicorn.Server(Config(app, port=0, log_level="warning", ws="none"))
    socket = server.config.bind_socket()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    edge = Edge(cookies=True, origins=frozenset({origin} - {""}))
    served = Serving(url=url, auth=make_auth(clock=clock, edge=edge), clock=clock, calls=calls)
    _build(app, served)
    if origin:
        _allow(app, origin)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not server.started:
            assert time.monotonic() < deadline, "the server has not started"
            time.sleep(0.01)
        yield served
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def _allow(app: FastAPI, origin: str) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin],
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Tokenpair"],
        expose_headers=["Retry-After"],
    )


def _build(app: FastAPI, served: Serving) -> None:
    @app.middleware("http")
    async def watch(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        served.requests[request.method, request.url.path, response.status_code] += 1
        if request.url.path in served.lost:
            served.lost.remove(request.url.path)
            return HTMLResponse(BAD_GATEWAY, 502)
        response.headers["Content-Security-Policy"] = POLICY.format(served.calls)
        return response

    install(app, served.auth)
    main: Any = ModuleType("main")
    main.app = app
    exec(blocks(PAGE, "python")[0], vars(main))
    script = blocks(PAGE, "js")[0]

    @app.get("/app.js")
    async def app_js() -> Response:
        return Response(script, media_type="text/javascript")

    @app.get("/worker.js")
    async def worker_js() -> Response:
        return Response(WORKER, media_type="text/javascript")

    @app.get("/favicon.ico")
    async def favicon() -> Response:
        return Response(status_code=204)

    @app.get("/books")
    async def books(token: AccessToken) -> dict[str, Any]:
        user = await served.auth.get_user(token.subject)
        return {"items": [{"title": f"A book for {user.email.typed}"}], "next": None}

    @app.post("/users/{name}")
    async def add(name: str) -> str:
        user = await a_user(served.auth, f"{name}@example.com")
        return user.email.typed
