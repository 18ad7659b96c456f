"""A browser cannot set the Authorization header of a WebSocket; it offers subprotocols."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.bookly.browsing import MILLISECONDS, chromium
from tests.http.socket_servers import SERVERS, Running, running

# One browser for all of them.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("websockets in a browser")]

OPEN = """([path, subprotocols]) => new Promise(resolve => {
    const opened = new WebSocket(location.origin.replace("http", "ws") + path, subprotocols);
    opened.onmessage = event => resolve({message: event.data, named: opened.protocol});
    opened.onclose = event => resolve({code: event.code});
})"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with running(SERVERS["uvicorn, websockets"], log) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Running) -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.goto(f"http://127.0.0.1:{server.port}/openapi.json")
        yield page


def opened(page: Page, path: str, *subprotocols: str) -> Any:
    return page.evaluate(OPEN, [path, list(subprotocols)])


@pytest.mark.parametrize("path", ["/echo", "/guarded/chat", "/optional"])
def test_a_browser_opens_a_socket_with_a_token(server: Running, page: Page, path: str) -> None:
    assert opened(page, path, "bearer", server.access) == {"message": server.ada, "named": "bearer"}


def test_a_browser_may_offer_more(server: Running, page: Page) -> None:
    named = opened(page, "/names_one", "chat", "bearer", server.access)

    assert named == {"message": server.ada, "named": "chat"}


def test_a_browser_opens_an_optional_one_without_a_token(page: Page) -> None:
    assert opened(page, "/optional", "bearer") == {"message": "a stranger", "named": "bearer"}


@pytest.mark.parametrize("subprotocols", [[], ["bearer"], ["bearer", "garbage"]], ids=str)
def test_a_browser_without_a_valid_token_is_refused(page: Page, subprotocols: list[str]) -> None:
    assert opened(page, "/echo", *subprotocols) == {"code": 1006}
