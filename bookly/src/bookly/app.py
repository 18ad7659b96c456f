"""The app, put together from its parts."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from pydantic import Field
from starlette.types import ASGIApp, Receive, Scope, Send

from bookly.books import routes as books_routes
from bookly.books.service import Books
from bookly.db import make_database
from bookly.ids import uuid7
from bookly.ops import health, logs, workers
from bookly.ops.cors import with_cors
from bookly.ops.durations import RequestDurations
from bookly.ops.headers import SecurityHeaders
from bookly.ops.metrics import Metrics, add_metrics
from bookly.ops.starting import in_one_line
from bookly.ops.supervision import stop_with_supervisor
from bookly.settings import BooklySettings
from bookly.text import Visible
from bookly.web import api_docs, pages
from bookly.web.demo import access as demo_access
from bookly.web.demo.routes import add_demo
from bookly.web.demo.service import Demo
from bookly.web.demo.service import make_auth as make_demo_auth
from tokenpair import Auth, database_url
from tokenpair.fastapi import ProblemRoute, Profile, Text, install

API = "/api/v1"
TAGS = {
    "books": "Every user can read all books, and change their own.",
    "account": "Sign up; see, change, export and delete your account. Mails are in Bookly's log.",
    "sessions": "Log in, renew and log out; a session is one log-in on one device.",
    "health": "Checks for the machines that run Bookly.",
    "keys": "The public keys, for other services that verify access tokens.",
}
"""Descriptions of the tags, in the order of the API docs."""

Name = Annotated[Text, Field(min_length=1, max_length=100), Visible]


class BooklyProfile(Profile):
    """The account fields that Bookly adds."""

    username: Annotated[Name, Field(examples=["ada"])] | None = None
    first_name: Annotated[Name, Field(examples=["Ada"])] | None = None
    last_name: Annotated[Name, Field(examples=["Lovelace"])] | None = None


class BooklyApp(FastAPI):
    """Add the security and CORS headers to every response, and measure it, even after a crash."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or the lifespan, and report why a start failed in one line."""
        await super().__call__(
            scope, receive, in_one_line(send) if scope["type"] == "lifespan" else send
        )

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the whole stack: `add_middleware` would miss the response to a crash."""
        metrics: Metrics = self.state.metrics
        stack = with_cors(super().build_middleware_stack(), self.state.cors_origins)
        return RequestDurations(SecurityHeaders(stack), metrics.requests)


def create_app(settings: BooklySettings, *, auth: Auth | None = None) -> FastAPI:
    """Create the app; it connects to nothing before it starts.

    Tests can pass their own `auth`. Raises `ConfigurationError`.
    """
    auth = auth or Auth.from_settings(settings.auth)
    auth.require_mail()
    database = make_database(
        database_url(settings.auth), pool_size=settings.auth.database_pool_size
    )

    books = Books(
        database=database,
        clock=auth.clock,
        new_id=uuid7,
        users_remove_samples=not settings.auth.is_production,
    )
    has_demo = demo_access.is_offered(settings, in_one_process=not workers.IS_SHARED)
    demo = Demo(make_demo_auth(auth.clock)) if has_demo else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await database.open(migrate=not settings.auth.is_production)
            if settings.samples:
                await books.add_samples()
            async with demo.auth if demo else nullcontext():
                yield
        finally:
            await database.close()

    app = BooklyApp(
        title="Bookly",
        description="Books, and a log-in that renews itself. Log in above to try the endpoints.",
        version=version("bookly"),
        license_info={"name": "MIT", "identifier": "MIT"},
        contact={"name": "The maintainers of tokenpair"},
        servers=[{"url": "/", "description": "The server that this document comes from."}],
        openapi_url=f"{API}/openapi.json",
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.database = database
    app.state.health = health.shared_health(auth, database)
    app.state.books = books
    app.state.cors_origins = settings.auth.allowed_origins
    install(app, auth, prefix=f"{API}/auth", profile=BooklyProfile, problems=True)
    app.include_router(books_routes.router, prefix=API)
    app.include_router(health.router)
    app.include_router(_root)
    add_metrics(app, auth)
    api_docs.add_api_docs(app)
    pages.add_pages(app, settings, has_demo=has_demo)
    if demo:
        add_demo(app, demo, settings)
    return app


def create_app_from_environment() -> FastAPI:
    """Create the app of a worker process, with settings from the environment."""
    stop_with_supervisor()
    settings = BooklySettings.read()
    logs.configure(production=settings.auth.is_production)
    app = create_app(settings)
    spare_the_collector()
    return app


def spare_the_collector() -> None:
    """Exclude all current objects from the garbage collector's full rounds.

    These objects are permanent. A full round blocks all requests: for 50 ms with them, for 7 ms
    without.
    """
    gc.collect()  # Otherwise, current garbage would become permanent.
    gc.freeze()


_root = APIRouter(route_class=ProblemRoute, include_in_schema=False)


@_root.api_route("/docs", methods=["GET", "HEAD"])
@_root.api_route("/redoc", methods=["GET", "HEAD"])
async def docs() -> RedirectResponse:
    """Redirect to the API docs from the paths where FastAPI has them."""
    return RedirectResponse(api_docs.PATH, status_code=303)


@_root.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi() -> RedirectResponse:
    """Redirect to the OpenAPI document from the path where FastAPI has it."""
    return RedirectResponse(f"{API}/openapi.json", status_code=303)
