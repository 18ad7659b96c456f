"""The endpoints that `install` adds: the table of their names, and how they are added to an app."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute

from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.registry import answers, installations, route_for
from tokenpair.fastapi.route import ProblemRoute

_log = logging.getLogger(__name__)
_Call = TypeVar("_Call", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method, and a path below the prefix or from the root."""

    method: str
    path: str
    at_root: bool = False


ENDPOINTS = {
    "signup": Endpoint("POST", "/signup"),
    "login": Endpoint("POST", "/login"),
    "refresh_token": Endpoint("POST", "/refresh_token"),
    "refresh_token.get": Endpoint("GET", "/refresh_token"),
    "reauthenticate": Endpoint("POST", "/reauthenticate"),
    "logout": Endpoint("POST", "/logout"),
    "logout.all": Endpoint("POST", "/logout/all"),
    "logout.others": Endpoint("POST", "/logout/others"),
    "password.change": Endpoint("POST", "/password/change"),
    "email.change": Endpoint("POST", "/email/change"),
    "email.change.confirm": Endpoint("POST", "/email/change/confirm"),
    "invitations.accept": Endpoint("POST", "/invitations/accept"),
    "me": Endpoint("GET", "/me"),
    "me.update": Endpoint("PATCH", "/me"),
    "me.delete": Endpoint("DELETE", "/me"),
    "me.export": Endpoint("GET", "/me/export"),
    "email.verify.request": Endpoint("POST", "/email/verify/request"),
    "email.verify": Endpoint("POST", "/email/verify"),
    "password.forgot": Endpoint("POST", "/password/forgot"),
    "password.reset": Endpoint("POST", "/password/reset"),
    "sessions": Endpoint("GET", "/sessions"),
    "sessions.end": Endpoint("DELETE", "/sessions/{session_id}"),
    "jwks": Endpoint("GET", "/.well-known/jwks.json", at_root=True),
    "metadata": Endpoint("GET", "/.well-known/oauth-authorization-server", at_root=True),
}
"""Every endpoint, by its name in `install(without=...)`."""

_ALSO_LEAVES_OUT = {"refresh_token": {"refresh_token.get"}, "jwks": {"metadata"}}
"""The endpoints that are of no use without the named one."""


def left_out(names: frozenset[str]) -> frozenset[str]:
    """Return the names, and those of the endpoints that are of no use without them."""
    return names.union(*(_ALSO_LEAVES_OUT.get(name, set()) for name in names))


class Endpoints:
    """Adds endpoints to an app, except those that are left out, and collects the routes.

    They are added to the app itself: in a router of its own, each would be matched twice.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        prefix: str,
        without: frozenset[str],
        dependencies: Sequence[Depends] = (),
        before: Mapping[str, Sequence[Depends]] | None = None,
    ) -> None:
        self.routes: list[APIRoute] = []
        self._app = app
        self._prefix = prefix
        self._without = without
        self._dependencies = list(dependencies)
        self._before = before or {}

    def has_dependencies(self, name: str) -> bool:
        """Return whether dependencies of the app run before the endpoint with this name."""
        return bool(self._app.router.dependencies or self._dependencies or self._before.get(name))

    def add(
        self,
        name: str,
        /,
        *,
        dependencies: Sequence[Depends] = (),
        route_class: type[APIRoute] = ProblemRoute,
        suffix: str = "",
        **options: Any,  # noqa: ANN401  Those of `add_api_route`.
    ) -> Callable[[_Call], _Call]:
        """Decorate the function of the endpoint with this name in `ENDPOINTS`.

        `suffix` is appended to its path. A GET at the root also answers HEAD.
        """
        endpoint = ENDPOINTS[name]
        path = endpoint.path if endpoint.at_root else self._prefix + endpoint.path
        path += suffix

        def decorate(call: _Call) -> _Call:
            if name in self._without or self._is_taken(name, endpoint.method, path):
                return call
            options.update(
                dependencies=[*self._dependencies, *self._before.get(name, ()), *dependencies],
                route_class_override=route_class,
            )
            self._app.router.add_api_route(path, call, methods=[endpoint.method], **options)
            self._collect()
            if endpoint.at_root:
                options["include_in_schema"] = False
                self._app.router.add_api_route(path, call, methods=["HEAD"], **options)
                self._collect()
            return call

        return decorate

    @property
    def open_routes(self) -> list[APIRoute]:
        """The routes that need no access token."""
        return [each for each in self.routes if not _needs_access_token(each.dependant)]

    def _collect(self) -> None:
        route = self._app.router.routes[-1]
        if isinstance(route, APIRoute):
            self.routes.append(route)

    def _is_taken(self, name: str, method: str, path: str) -> bool:
        """Tell whether a route of the app answers the path before ours would."""
        sample = re.sub(r"\{\w+\}", str(UUID(int=0)), path)
        if not answers(self._app, method, sample):
            return False
        taken_by = route_for(self._app, method, sample)
        if not any(taken_by in each.routes for each in installations(self._app).values()):
            _log.warning(
                "%s %s is not added: a route of the app, registered before install(), answers it. "
                "If this is intended, say so with install(..., without={%r})",
                *(method, path, name),
            )
        return True


def _needs_access_token(dependant: Dependant) -> bool:
    return isinstance(dependant.call, AccessTokenBearer) or any(
        _needs_access_token(each) for each in dependant.dependencies
    )
