"""The command `./run screenshots`: pictures of every view in every state.

Each picture is taken at three widths, light and dark. The folder is not tracked; those that the
documents show are chosen by hand, and are in `docs/images`.
"""

import argparse
import base64
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from playwright.sync_api import Page, Route

from tests.bookly.browsing import Visitor, chromium, visiting
from tests.bookly.running import running_bookly
from tokenpair.testing import PASSWORD

SIZES = {360: 740, 768: 1024, 1440: 900}
"""The height of each width, in pixels."""
SCHEMES = ("light", "dark")
ADA = "ada@example.com"
USER_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "curl/8.5.0",
)
BOOKS = "**/api/v1/books?*"
ROOT = Path(__file__).parents[2]
FOLDER, IMAGES = ROOT / "screenshots", ROOT / "docs" / "images"
CHOSEN = {
    "shelf": "shelf-1440-light",
    "shelf-dark": "shelf-1440-dark",
    "panel": "panel-ended-1440-light",
    "sessions": "sessions-others-768-light",
    "log-in": "login-refused-360-light",
    "edit": "shelf-edit-768-dark",
}
"""The pictures of the documents, each with the screenshot that it is."""
CLOSED = "if (location.host) localStorage.setItem('bookly-panel', 'closed')"
"""Script that keeps the token panel closed."""
TO_WEBP = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.82);
}"""
"""Script that returns a picture as WebP."""


@dataclass(frozen=True)
class Camera:
    """Takes each picture in all sizes and schemes."""

    folder: Path
    sizes: tuple[int, ...] = tuple(SIZES)
    schemes: tuple[str, ...] = SCHEMES

    def shoot(self, page: Page, name: str) -> None:
        """Take the pictures of what the page shows."""
        for scheme in self.schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # One of SCHEMES.
            for width in self.sizes:
                page.set_viewport_size({"width": width, "height": SIZES[width]})
                page.screenshot(path=self.folder / f"{name}-{width}-{scheme}.png")
        print(name, flush=True)


def main(arguments: list[str]) -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="./run screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    parser.add_argument("--only", default="", help="take only those with this in their name")
    parser.add_argument("--choose", action="store_true", help="write those in docs/images, too")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    camera = Camera(options.out)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_bookly(Path(folder), BOOKLY_SAMPLES="on") as bookly,
        chromium() as browser,
    ):
        for scene in SCENES:
            if options.only in scene.__name__:
                with visiting(browser, bookly) as visitor:
                    if scene is not panel:
                        visitor.page.context.add_init_script(CLOSED)
                    scene(visitor, camera)
        if options.choose:
            with visiting(browser, bookly) as visitor:
                choose(visitor.page, options.out)
    return 0


def choose(page: Page, folder: Path) -> None:
    """Write the chosen pictures for the documents as WebP, which is a fifth of the size."""
    page.goto("/")
    IMAGES.mkdir(exist_ok=True)
    for name, source in CHOSEN.items():
        png = base64.b64encode((folder / f"{source}.png").read_bytes()).decode()
        webp = page.evaluate(TO_WEBP, f"data:image/png;base64,{png}")
        (IMAGES / f"{name}.webp").write_bytes(base64.b64decode(webp.partition(",")[2]))


# --- Without a log-in ---


def welcome(visitor: Visitor, camera: Camera) -> None:
    visitor.page.goto("/")
    visitor.page.locator("h1").wait_for()
    camera.shoot(visitor.page, "welcome")


def forms(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    for name in ("login", "signup", "forgot"):
        page.goto(f"/{name}")
        page.locator("main form").wait_for()
        camera.shoot(page, name)
        visitor.submit()
        camera.shoot(page, f"{name}-incomplete")
    page.goto("/login?next=/account")
    visitor.fill(email=ADA, password="x" * 20)
    visitor.submit()
    page.locator(".form-error:visible").wait_for()
    camera.shoot(page, "login-refused")


def mails(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    visitor.sign_up("mails@example.com", "Ada")
    verify = visitor.link("/verify", "mails@example.com")
    for path in ("verify", "reset", "email/change", "invitation"):
        name = path.replace("/", "-")
        page.goto("about:blank")
        page.goto(f"/{path}#token=made-up")
        page.locator("main form").wait_for()
        camera.shoot(page, name)
        page.goto("about:blank")
        page.goto(f"/{path}")
        page.locator("h1").wait_for()
        camera.shoot(page, f"{name}-dead")
    page.goto(verify)
    visitor.submit()
    page.locator("h1:has-text('Verified')").wait_for()
    camera.shoot(page, "verify-done")
    page.goto("/forgot")
    visitor.fill(email="mails@example.com")
    visitor.submit()
    page.locator("h1:has-text('Look at')").wait_for()
    camera.shoot(page, "forgot-sent")


# --- The shelf ---


def shelf(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    visitor.sign_up(ADA, "Ada")
    visitor.add_book("Emma")
    page.reload()
    page.locator(".card").first.wait_for()
    camera.shoot(page, "shelf")
    page.locator(".menu summary").click()
    camera.shoot(page, "shelf-menu")
    page.keyboard.press("Escape")
    page.locator("#add").click()
    visitor.submit()
    camera.shoot(page, "shelf-add-incomplete")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit “Emma”").first.click()
    camera.shoot(page, "shelf-edit")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete “Emma”").first.click()
    camera.shoot(page, "shelf-delete")
    page.keyboard.press("Escape")
    page.locator("#search input").fill("austen")
    page.locator("h1:has-text('austen')").wait_for()
    camera.shoot(page, "shelf-search")
    page.locator("#search input").fill("no such book")
    page.locator(".state").wait_for()
    camera.shoot(page, "shelf-nothing-found")


def shelf_states(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    visitor.sign_up("states@example.com", "Ada")
    page.context.set_offline(offline=True)
    page.locator(".notice:visible").wait_for()
    camera.shoot(page, "shelf-offline")
    page.context.set_offline(offline=False)
    with answering(page, lambda route: route.fulfill(json={"items": [], "next": None})):
        page.reload()
        page.locator(".state").wait_for()
        camera.shoot(page, "shelf-empty")
    held: list[Route] = []
    with answering(page, lambda route: held.append(route)):  # noqa: PLW0108  Playwright marks it.
        page.reload(wait_until="commit")
        page.locator(".skeleton").wait_for()
        camera.shoot(page, "shelf-loading")
        for route in held:
            route.fulfill(status=404, body="{}")
        page.locator(".state").wait_for()
        camera.shoot(page, "shelf-failed")


@contextmanager
def answering(page: Page, answer: object) -> Iterator[None]:
    """Answer requests for books in place of the server."""
    page.route(BOOKS, answer)  # type: ignore[arg-type]  # A handler of routes.
    yield
    page.unroute(BOOKS)


# --- The account ---


def account(visitor: Visitor, camera: Camera) -> None:
    visitor.sign_up("account@example.com", "Ada")
    for name in ("account", "sessions"):
        visitor.page.goto(f"/{name}")
        visitor.page.locator("h1").wait_for()
        camera.shoot(visitor.page, name)


def sessions(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    visitor.sign_up("sessions@example.com", "Ada")
    url = f"{visitor.bookly.url}/api/v1/auth/login"
    for user_agent in USER_AGENTS:
        body = {"email": "sessions@example.com", "password": PASSWORD}
        httpx2.post(url, json=body, headers={"User-Agent": user_agent})
    page.goto("/sessions")
    page.locator(".row").nth(3).wait_for()
    camera.shoot(page, "sessions-others")
    page.get_by_role("button", name="End the session on Firefox").click()
    camera.shoot(page, "sessions-end")


# --- The token panel ---


def panel(visitor: Visitor, camera: Camera) -> None:
    page = visitor.page
    visitor.sign_up("panel@example.com", "Ada")
    if not page.locator("#panel").is_visible():
        page.locator("#panel-button").click()
    page.locator(".left:has-text('s left')").wait_for()
    camera.shoot(page, "panel")
    _press(page, "Got it, hide these")
    _press(page, "Lose the next answer")
    _press(page, "Renew twice at once")
    page.locator(".log li:has-text('Nothing lost')").wait_for()
    camera.shoot(page, "panel-lost")
    _press(page, "Steal the refresh token")
    _press_until(page, "Thief renews", "The thief has renewed")
    camera.shoot(page, "panel-thief")
    page.locator(".advice:has-text('The lines have parted')").wait_for(timeout=60_000)
    _press_until(page, "Renew twice at once", "Let the thief renew now")
    camera.shoot(page, "panel-parted")
    _press(page, "Thief renews")
    page.locator(".over:visible").wait_for()
    camera.shoot(page, "panel-ended")


def _press(page: Page, name: str) -> None:
    page.locator("#panel").get_by_role("button", name=name).click()


def _press_until(page: Page, name: str, advice: str) -> None:
    """Press a button until the panel advises this: the windows take some seconds."""
    while advice not in page.locator(".advice").inner_text():
        _press(page, name)
        page.wait_for_timeout(500)


def api_docs(visitor: Visitor, camera: Camera) -> None:
    visitor.sign_up("docs@example.com", "Ada")
    visitor.page.goto("/api/v1/docs")
    visitor.page.locator("#operations-books-list_books").wait_for()
    camera.shoot(visitor.page, "api-docs")


SCENES = (welcome, forms, mails, shelf, shelf_states, account, sessions, panel, api_docs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
