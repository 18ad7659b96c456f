"""The endpoints that `install` adds: one table of their names, and what adds them to an app."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from fastapi import FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute

from tokenpair.fastapi.registry import answering, answers, installations
from tokenpair.fastapi.route import ProblemRoute

_log = logging.getLogger(__name__)
_Call = TypeVar("_Call", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method, and a path below the prefix or from the root."""

    method: str
    path: str
    is_open: bool = False
    """Needs no access token: it takes a password, a token of either kind, or nothing."""
    at_root: bool = False


ENDPOINTS = {
    "signup": Endpoint("POST", "/signup", is_open=True),
    "login": Endpoint("POST", "/login", is_open=True),
    "refresh_token": Endpoint("POST", "/refresh_token", is_open=True),
    "refresh_token.get": Endpoint("GET", "/refresh_token", is_open=True),
    "logout": Endpoint("POST", "/logout", is_open=True),
    "logout.all": Endpoint("POST", "/logout/all"),
    "me": Endpoint("GET", "/me"),
    "me.update": Endpoint("PATCH", "/me"),
    "sessions": Endpoint("GET", "/sessions"),
    "sessions.end": Endpoint("DELETE", "/sessions/{session_id}"),
    "jwks": Endpoint("GET", "/.well-known/jwks.json", is_open=True, at_root=True),
    "metadata": Endpoint(
        "GET", "/.well-known/oauth-authorization-server", is_open=True, at_root=True
    ),
}
"""Every endpoint, by the name that `install(without=...)` knows it by."""

_ALSO_LEAVES_OUT = {"refresh_token": {"refresh_token.get"}, "jwks": {"metadata"}}
"""The endpoints that are another way to the one that is named, or lead to it."""


def left_out(names: frozenset[str]) -> frozenset[str]:
    """Return the names with those of the endpoints that are of no use without them."""
    return names.union(*(_ALSO_LEAVES_OUT.get(name, set()) for name in names))


class Endpoints:
    """Adds endpoints to an app, but for those that are left out, and keeps the routes.

    They are added straight to the app: in routers of their own each would be matched twice.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        prefix: str,
        without: frozenset[str],
        dependencies: Sequence[Depends] = (),
    ) -> None:
        self.routes: list[APIRoute] = []
        self.open_routes: list[APIRoute] = []
        self._app = app
        self._prefix = prefix
        self._without = without
        self._dependencies = list(dependencies)

    @property
    def has_dependencies(self) -> bool:
        """Whether something of the app's own is asked before each endpoint."""
        return bool(self._app.router.dependencies or self._dependencies)

    def add(
        self,
        name: str,
        /,
        *,
        dependencies: Sequence[Depends] = (),
        route_class: type[APIRoute] = ProblemRoute,
        suffix: str = "",
        **options: Any,  # noqa: ANN401  As `add_api_route` takes them.
    ) -> Callable[[_Call], _Call]:
        """Decorate the function that is the endpoint with this name in `ENDPOINTS`.

        `suffix` is appended to its path. A GET at the root also answers HEAD.
        """
        endpoint = ENDPOINTS[name]
        path = endpoint.path if endpoint.at_root else self._prefix + endpoint.path
        path += suffix

        def decorate(call: _Call) -> _Call:
            if name in self._without or self._is_taken(name, endpoint.method, path):
                return call
            options.update(
                dependencies=[*self._dependencies, *dependencies],
                route_class_override=route_class,
            )
            self._app.router.add_api_route(path, call, methods=[endpoint.method], **options)
            self._keep(endpoint)
            if endpoint.at_root:
                options["include_in_schema"] = False
                self._app.router.add_api_route(path, call, methods=["HEAD"], **options)
                self._keep(endpoint)
            return call

        return decorate

    def _keep(self, endpoint: Endpoint) -> None:
        route = self._app.router.routes[-1]
        if isinstance(route, APIRoute):
            self.routes.append(route)
            if endpoint.is_open:
                self.open_routes.append(route)

    def _is_taken(self, name: str, method: str, path: str) -> bool:
        """Tell whether a route that the app has already would keep ours from being reached."""
        sample = path.replace("{session_id}", str(UUID(int=0)))
        if not answers(self._app, method, sample):
            return False
        taken_by = answering(self._app, method, sample)
        if not any(taken_by in each.routes for each in installations(self._app).values()):
            _log.warning(
                "%s %s is left to the route that the app has registered before install(); "
                "to leave it out on purpose: install(..., without={%r})",
                *(method, path, name),
            )
        return True
