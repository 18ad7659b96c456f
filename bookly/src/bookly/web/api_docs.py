"""The API docs: Swagger UI, with a bar above it to log in.

FastAPI's own page loads its scripts from another host, and needs them inline.
"""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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
# A browser may keep the files, and asks whether they are still the ones: so the page and its
# scripts are never of two versions.
REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter(route_class=ProblemRoute, include_in_schema=False)


@router.api_route(PATH, methods=["GET", "HEAD"])
async def page() -> FileResponse:
    """Show the API docs."""
    headers = {**REVALIDATE, "Content-Security-Policy": POLICY}
    return FileResponse(FOLDER / "docs" / "page.html", headers=headers)


class Assets(StaticFiles):
    """Files that a browser asks for anew each time, and mostly is told to keep."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Find the file. Raises `HTTPException`, which for a wrong method names the right ones."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATE)
        return response


def add_api_docs(app: FastAPI) -> None:
    """Add the page and its files to an app."""
    app.include_router(router)
    vendor = Assets(directory=FOLDER / "vendor" / "swagger-ui")
    app.mount(f"{PATH}/assets/swagger-ui", vendor, name="swagger-ui")
    app.mount(f"{PATH}/assets", Assets(directory=FOLDER / "docs"), name="docs")
