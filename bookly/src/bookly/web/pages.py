"""The pages: one shell, the same for each path. Its scripts show the view that the path names."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from bookly.settings import BooklySettings
from bookly.web.api_docs import PATH as API_DOCS
from bookly.web.assets import Assets
from bookly.web.demo.access import is_same_machine
from tokenpair.fastapi import ProblemRoute, browser_client

FOLDER = Path(__file__).parent
ASSETS = "/assets"

PAGES = {
    "/": ("Shelf", "shelf"),
    "/login": ("Log in", "login"),
    "/signup": ("Sign up", "signup"),
    "/forgot": ("Forgotten password", "forgot"),
    "/verify": ("Verify your address", "verify"),
    "/reset": ("Choose a new password", "reset"),
    "/email/change": ("Change your address", "email_change"),
    "/invitation": ("Accept an invitation", "invitation"),
    "/account": ("Your account", "account"),
    "/sessions": ("Your sessions", "sessions"),
}
"""The title and the view of each path. `static/routes.js` has the same."""

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
AT_ONCE = ("app.js", "routes.js", "router.js", "ui/")
"""The modules that every view needs, so that browsers load them side by side."""

# A page is never cached, because it contains the version of its files.
HEADERS = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}


def add_pages(app: FastAPI, settings: BooklySettings, *, has_demo: bool) -> None:
    """Add the pages and their files to an app. With `has_demo` they have the token panel."""
    assets = Assets({"": FOLDER / "static", "vendor/": FOLDER / "vendor" / "pico"})
    client = browser_client(app)
    values = {
        "assets": f"{ASSETS}/{assets.version}",
        "modules": [name for name in assets.names(".js") if name.startswith(AT_ONCE)],
        "client": client,
        "api_docs": API_DOCS,
        "sign_up": settings.auth.sign_up,
        "mails_are_logged": settings.auth.smtp_url is None,
    }
    plain, with_panel = _shells(has_demo=False, **values), _shells(has_demo=has_demo, **values)
    router = APIRouter(route_class=ProblemRoute, include_in_schema=False)

    for path in PAGES:
        page = _endpoint(plain[path], with_panel[path])
        router.add_api_route(path, page, methods=["GET", "HEAD"], name=f"page {path}")

    @router.api_route(f"{ASSETS}/{{version}}/{{name:path}}", methods=["GET", "HEAD"])
    async def page_asset(request: Request, version: str, name: str) -> Response:
        """Return a file of the pages."""
        return await assets.respond(request, version, name)

    app.include_router(router)


def _endpoint(plain: str, with_panel: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def page(request: Request) -> HTMLResponse:
        # Where the demo answers 404, the page has no panel.
        shell = with_panel if is_same_machine(request) else plain
        return HTMLResponse(shell, headers=HEADERS)

    return page


def _shells(**values: object) -> dict[str, str]:
    """Render the shell once for each path."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("shell.html")
    return {
        path: template.render(path=path, title=title, view=view, **values)
        for path, (title, view) in PAGES.items()
    }
