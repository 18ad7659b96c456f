"""The app: the one place that knows everything."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from pydantic import Field
from starlette.types import ASGIApp

from bookly.books import routes as books_routes
from bookly.books.service import Books
from bookly.db import make_database
from bookly.ids import uuid7
from bookly.ops import health, logs
from bookly.ops.durations import RequestDurations
from bookly.ops.headers import SecurityHeaders
from bookly.ops.metrics import Metrics, add_metrics
from bookly.ops.supervision import stop_with_supervisor
from bookly.settings import BooklySettings
from bookly.web import api_docs
from tokenpair import Auth, database_url
from tokenpair.fastapi import ProblemRoute, Profile, Text, install

API = "/api/v1"
TAGS = {
    "books": "The books, which every user may read, and each changes their own.",
    "account": "Sign up; see and change one's own account.",
    "sessions": "Log in, renew and log out; a session is one log-in on one device.",
    "health": "Questions of the machines that operate Bookly.",
    "keys": "The public keys, for other services that verify access tokens.",
}
"""What each tag means, in the order of the API docs."""

Name = Annotated[Text, Field(min_length=1, max_length=100)]


class BooklyProfile(Profile):
    """What an account of Bookly may say about its person."""

    username: Annotated[Name, Field(examples=["ada"])] | None = None
    first_name: Annotated[Name, Field(examples=["Ada"])] | None = None
    last_name: Annotated[Name, Field(examples=["Lovelace"])] | None = None


class BooklyApp(FastAPI):
    """A FastAPI whose every answer, also the one to a crash, has the headers, and is measured."""

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap the whole stack: added as usual, they would be inside what answers crashes."""
        metrics: Metrics = self.state.metrics
        return RequestDurations(SecurityHeaders(super().build_middleware_stack()), metrics.requests)


def create_app(settings: BooklySettings, *, auth: Auth | None = None) -> FastAPI:
    """Put the app together; nothing is connected before it starts.

    `auth` is for tests that bring their own. Raises `ConfigurationError`.
    """
    auth = auth or Auth.from_settings(settings.auth)
    database = make_database(
        database_url(settings.auth), pool_size=settings.auth.database_pool_size
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await database.open(migrate=not settings.auth.is_production)
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
    app.state.books = Books(database=database, clock=auth.clock, new_id=uuid7)
    install(app, auth, prefix=f"{API}/auth", profile=BooklyProfile, problems=True)
    app.include_router(books_routes.router, prefix=API)
    app.include_router(health.router)
    app.include_router(_root)
    add_metrics(app, auth)
    api_docs.add_api_docs(app)
    return app


def create_app_from_environment() -> FastAPI:
    """Make the app of a worker process: its settings are in the environment."""
    stop_with_supervisor()
    settings = BooklySettings.read()
    logs.configure(production=settings.auth.is_production)
    app = create_app(settings)
    spare_the_collector()
    return app


def spare_the_collector() -> None:
    """Let the garbage collector's full rounds go past all that is there by now: it stays.

    Every request waits for those rounds: 7 ms instead of 50.
    """
    gc.collect()  # Else what is garbage by now would stay, too.
    gc.freeze()


_root = APIRouter(route_class=ProblemRoute, include_in_schema=False)


@_root.api_route("/", methods=["GET", "HEAD"])
@_root.api_route("/docs", methods=["GET", "HEAD"])
@_root.api_route("/redoc", methods=["GET", "HEAD"])
async def docs() -> RedirectResponse:
    """Lead to the API docs, also from where FastAPI has its own."""
    return RedirectResponse(api_docs.PATH, status_code=303)


@_root.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi() -> RedirectResponse:
    """Lead to the OpenAPI document from where FastAPI has it."""
    return RedirectResponse(f"{API}/openapi.json", status_code=303)
