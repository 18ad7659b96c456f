"""Corrections of the app's OpenAPI document.

Of two routes with the same path and method, the first one answers, but FastAPI describes the last
one. And FastAPI cannot describe security that is optional.
"""

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from tokenpair.fastapi.optional import OPTIONAL
from tokenpair.fastapi.problems.answer import answer_error
from tokenpair.fastapi.problems.described import describe_refusals
from tokenpair.fastapi.registry import installations, route_for

_log = logging.getLogger(__name__)


def correct_openapi(app: FastAPI) -> None:
    """Correct what FastAPI describes wrongly.

    Our endpoints are described where they answer, instead of a later route. An optional token is
    described as optional, and a 422 as a problem where the app answers one.
    """
    described = app.openapi
    checked: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal checked
        document = described()
        if document is not checked:
            for each in installations(app).values():
                for route in each.routes:
                    _describe(document, app, route)
            _describe_optional(document)
            if app.exception_handlers.get(RequestValidationError) is answer_error:
                describe_refusals(document)
            checked = document
        return document

    # FastAPI's documented way to extend the document.
    app.openapi = openapi  # type: ignore[method-assign]


def _describe(document: dict[str, Any], app: FastAPI, route: APIRoute) -> None:
    for method in route.methods or ():
        for path in (route.path_format, f"{route.path_format}/"):
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is None or _is_of(operation, route):
                continue
            if route_for(app, method, path) is route:
                _log.warning(
                    "%s %s of the app is unreachable: install() added a route with this path "
                    "earlier. Remove one of the two, for example with install(..., without=...)",
                    method,
                    path,
                )
                _put_back(document, app, route, path, method.lower())


def _is_of(operation: dict[str, Any], route: APIRoute) -> bool:
    return (operation.get("summary"), operation.get("description")) == (
        route.summary,
        route.description,
    )


def _put_back(
    document: dict[str, Any], app: FastAPI, route: APIRoute, path: str, method: str
) -> None:
    # We answer the path with a trailing slash, too, and do not describe it.
    if path != route.path_format:
        del document["paths"][path][method]
        if not document["paths"][path]:
            del document["paths"][path]
        return
    ours = get_openapi(title=app.title, version=app.version, routes=[route])
    document["paths"][path][method] = ours["paths"][path][method]
    for kind, components in ours.get("components", {}).items():
        known = document.setdefault("components", {}).setdefault(kind, {})
        # The same name means the same model: FastAPI gives different models longer names.
        known.update({name: each for name, each in components.items() if name not in known})


def _describe_optional(document: dict[str, Any]) -> None:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name in [name for name, scheme in schemes.items() if OPTIONAL in scheme]:
        scheme = schemes.pop(name)
        plain = scheme.pop(OPTIONAL)
        schemes.setdefault(plain, scheme)
        for path in document["paths"].values():
            for operation in path.values():
                if {name: []} in operation.get("security", ()):
                    operation["security"] = _with_optional(operation["security"], name, plain)


def _with_optional(
    security: list[dict[str, list[str]]], name: str, plain: str
) -> list[dict[str, list[str]]]:
    """Replace the scheme `name` by `plain`. If no other scheme is required, no token is needed."""
    others = [each for each in security if each not in ({name: []}, {plain: []})]
    is_required = bool(others) or {plain: []} in security
    return [*others, {plain: []}] if is_required else [{plain: []}, {}]
