"""CORS: which pages of other origins may call the API, and read its answers."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = ("Authorization", "Content-Type", "X-Tokenpair")
RESPONSE_HEADERS = ("Retry-After", "WWW-Authenticate")


def with_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Let pages of these origins call the app, with cookies. Without origins, return the app."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_credentials=True,
        allow_methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
    )
