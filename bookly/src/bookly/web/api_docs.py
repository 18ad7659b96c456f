"""The API docs: Swagger UI, with a bar above it to log in.

FastAPI's own page loads its scripts from another host, and needs them inline.
"""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from bookly.web.assets import Assets
from tokenpair.fastapi import ProblemRoute

FOLDER = Path(__file__).parent
PATH = "/api/v1/docs"

# Swagger UI sets styles inline and draws its icons as data: images. Scripts are files alone.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# The page itself is asked for anew each time: it names the version of its files.
HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}


def add_api_docs(app: FastAPI) -> None:
    """Add the page and its files to an app."""
    assets = Assets(
        {"": FOLDER / "docs", "swagger-ui/": FOLDER / "vendor" / "swagger-ui"},
    )
    template = (FOLDER / "docs" / "page.html").read_text(encoding="utf-8")
    html = template.replace("{assets}", f"{PATH}/assets/{assets.version}")
    router = APIRouter(route_class=ProblemRoute, include_in_schema=False)

    @router.api_route(PATH, methods=["GET", "HEAD"])
    async def page() -> HTMLResponse:
        """Show the API docs."""
        return HTMLResponse(html, headers=HEADERS)

    @router.api_route(f"{PATH}/assets/{{version}}/{{name:path}}", methods=["GET", "HEAD"])
    async def asset(request: Request, version: str, name: str) -> Response:
        """Return a file of the page."""
        return await assets.respond(request, version, name)

    app.include_router(router)
