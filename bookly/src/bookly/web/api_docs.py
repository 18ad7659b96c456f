"""The API docs: Swagger UI, with a log-in bar above it.

FastAPI's own page loads scripts from another host, and needs inline scripts.
"""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from bookly.web.assets import Assets
from tokenpair.fastapi import ProblemRoute, browser_client

FOLDER = Path(__file__).parent
PATH = "/api/v1/docs"

# Swagger UI needs inline styles, and data: images for its icons. Scripts come from files only.
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
# The page is never cached, because it contains the version of its files.
HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}


def add_api_docs(app: FastAPI) -> None:
    """Add the page and its files to an app."""
    assets = Assets(
        {"": FOLDER / "docs", "swagger-ui/": FOLDER / "vendor" / "swagger-ui"},
    )
    template = (FOLDER / "docs" / "page.html").read_text(encoding="utf-8")
    html = template.replace("{assets}", f"{PATH}/assets/{assets.version}")
    html = html.replace("{client}", browser_client(app))
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
