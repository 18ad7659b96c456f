"""OpenAPI that describes the endpoint that answers.

Of two routes with one path and method, the first answers, and FastAPI describes the last.
"""

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from tokenpair.fastapi.registry import answering, installations

_log = logging.getLogger(__name__)


def describe_what_answers(app: FastAPI) -> None:
    """Put our own endpoints back into the app's document where a later route is described."""
    described = app.openapi
    checked: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal checked
        document = described()
        if document is not checked:
            for each in installations(app).values():
                for route in each.routes:
                    _describe(document, app, route)
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
            if answering(app, method, path) is route:
                _log.warning(
                    "%s %s of the app is never reached: that of install() stands before it. "
                    "Leave one of the two out; install() has `without` for it",
                    *(method, path),
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
    if path != route.path_format:  # The one with a slash more is ours without being described.
        del document["paths"][path][method]
        if not document["paths"][path]:
            del document["paths"][path]
        return
    ours = get_openapi(title=app.title, version=app.version, routes=[route])
    document["paths"][path][method] = ours["paths"][path][method]
    for kind, components in ours.get("components", {}).items():
        known = document.setdefault("components", {}).setdefault(kind, {})
        # A name that is known already means the same: of two models, each has a longer name.
        known.update({name: each for name, each in components.items() if name not in known})
