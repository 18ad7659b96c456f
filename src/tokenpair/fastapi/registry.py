"""Which `Auth`s an app has, which endpoints each one added, and which route answers a request."""

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from tokenpair.auth import Auth
from tokenpair.fastapi.profile import Profile, Profiles

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One call of `install`: its arguments, the names that were left out and the added routes."""

    auth: Auth
    profiles: Profiles[Profile]
    without: frozenset[str]
    routes: tuple[APIRoute, ...]
    open_routes: tuple[APIRoute, ...]
    cookie_name: str | None

    @property
    def publishes_keys(self) -> bool:
        """Whether the app publishes the public keys of this `Auth`."""
        return "jwks" not in self.without

    @property
    def publishes_metadata(self) -> bool:
        """Whether the app publishes the metadata of this `Auth`'s issuer."""
        return "metadata" not in self.without


def installations(app: FastAPI) -> dict[str, Installation]:
    """Return the installations of an app by prefix, in order of `install`."""
    found: dict[str, Installation] = getattr(app.state, "tokenpair", {})
    return found


def installed(app: FastAPI) -> dict[str, Auth]:
    """Return every installed `Auth` of an app by prefix, in order of `install`."""
    return {prefix: each.auth for prefix, each in installations(app).items()}


def route_for(app: FastAPI, method: str, path: str) -> BaseRoute | None:
    """Return the route of an app that answers a request, as Starlette's router chooses it.

    That is the first route that matches, or else the first one with the path, which answers 405.
    """
    partial = None
    for route in app.routes:
        match, _ = route.matches(_scope(app, method, path))
        if match is Match.FULL:
            return route
        if match is Match.PARTIAL and partial is None:
            partial = route
    return partial


def answers(app: FastAPI, method: str, path: str) -> bool:
    """Tell whether a route of an app matches both the method and the path."""
    scope = _scope(app, method, path)
    return any(route.matches(dict(scope))[0] is Match.FULL for route in app.routes)


def open_requests(app: FastAPI) -> frozenset[tuple[str, str]]:
    """Return method and path of each request that our endpoints answer without an access token.

    Requests that they answer with 405 are included. Requests that the app's own routes answer are
    not, even if the path is ours.
    """
    ours = [route for each in installations(app).values() for route in each.open_routes]
    return frozenset(
        (method, route.path)
        for route in ours
        for method in METHODS
        if route_for(app, method, route.path) in ours
    )


def _scope(app: FastAPI, method: str, path: str) -> Scope:
    return {
        "type": "http",
        "app": app,
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
