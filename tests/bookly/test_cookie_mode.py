"""Cookie mode in a browser: its own page renews, and pages of other origins change nothing."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.bookly.browsing import MILLISECONDS
from tests.bookly.running import Running, running_bookly
from tokenpair.testing import PASSWORD

pytestmark = pytest.mark.long

AUTH = "/api/v1/auth"
CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}

POST = """async ([url, headers, body, mode]) => {
  const init = { method: "POST", headers, mode, credentials: "include" };
  if (body) init.body = JSON.stringify(body);
  try {
    const answer = await fetch(url, init);
    const text = mode === "cors" ? await answer.text() : "";
    return [answer.status, text && JSON.parse(text)];
  } catch {
    return ["blocked", ""];
  }
}"""
FORM = """(url) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: url });
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as bookly:
        httpx2.post(f"{bookly.url}{AUTH}/signup", json=CREDENTIALS).raise_for_status()
        yield bookly


class EmptyPage(BaseHTTPRequestHandler):
    """Responds with an empty page to each GET."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """Start another server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def context(browser: Browser, bookly: Running) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=bookly.url)
    context.set_default_timeout(MILLISECONDS)
    context.route(
        f"{bookly.url}/empty",
        lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"),
    )
    yield context
    context.close()


def post(
    page: Page, url: str, headers: dict[str, str], body: Any = None, mode: str = "cors"
) -> Any:
    return page.evaluate(POST, [url, headers, body, mode])


def log_in(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/empty")
    headers = {"X-Tokenpair": "cookie", "Content-Type": "application/json"}
    status, body = post(page, f"{AUTH}/login", headers, CREDENTIALS)
    assert status == 200
    assert "refresh_token" not in body
    return page


def renew(page: Page) -> Any:
    return post(page, f"{AUTH}/refresh_token", {"X-Tokenpair": "1"})


def test_a_page_renews_after_a_reload_and_logs_out(context: BrowserContext) -> None:
    page = log_in(context)
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["path"]) == ("__Host-tokenpair", "/")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    assert page.evaluate("document.cookie") == ""

    page.reload()
    status, body = renew(page)
    assert (status, "access_token" in body) == (200, True)
    assert post(page, f"{AUTH}/logout", {"X-Tokenpair": "1"})[0] == 204

    assert context.cookies() == []
    assert renew(page)[0] == 401


@pytest.mark.parametrize(("host", "refused"), [("127.0.0.1", 403), ("localhost", 401)])
def test_a_page_of_another_origin_changes_nothing(
    context: BrowserContext, bookly: Running, foreign_port: int, host: str, refused: int
) -> None:
    """W12. The first host is of the same site: the browser sends the cookie to any port.

    The page can send no header X-Tokenpair, because the browser asks the server first.
    """
    ours = log_in(context)
    (before,) = context.cookies()
    foreign = context.new_page()
    foreign.goto(f"http://{host}:{foreign_port}/")
    answers: list[Response] = []
    foreign.on("response", lambda it: answers.append(it) if it.url.startswith(bookly.url) else None)

    for path in ("refresh_token", "logout"):
        url = f"{bookly.url}{AUTH}/{path}"
        assert post(foreign, url, {"X-Tokenpair": "1"})[0] == "blocked"
        post(foreign, url, {}, mode="no-cors")
        with foreign.expect_navigation():
            foreign.evaluate(FORM, url)
        foreign.goto(f"http://{host}:{foreign_port}/")
    login = f"{bookly.url}{AUTH}/login"
    with foreign.expect_response(login):
        post(foreign, login, {"Content-Type": "text/plain"}, CREDENTIALS, mode="no-cors")

    posts = [each.status for each in answers if each.request.method == "POST"]
    assert posts == [refused] * 4 + [422]
    assert context.cookies() == [before]
    assert renew(ours)[0] == 200
