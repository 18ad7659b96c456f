"""Browsers that use Bookly's pages, and notice what a visitor must never see."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.bookly.running import Running
from tests.tools import node_packages, program
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair.testing import PASSWORD

API = "/api/v1"
MILLISECONDS = 1_000 * LIMIT_SECONDS
"""Longest wait for a page, in milliseconds."""
_KEEP_WHAT_IS_SAID = """addEventListener("DOMContentLoaded", () => {
  const line = document.getElementById("status");
  window.said = [];
  const keep = () => window.said.push(line.textContent);
  if (line) new MutationObserver(keep).observe(line, { childList: true });
});"""
"""Script that keeps the texts of the status line: each is shown for some seconds only."""

expect.set_options(timeout=MILLISECONDS)

# Chromium itself notes each request that is refused, or that a test keeps off the network.
_EXPECTED = re.compile(
    r"Failed to load resource: "
    r"(the server responded with a status of 4\d\d|net::ERR_(INTERNET_DISCONNECTED|FAILED))"
)


@dataclass
class Visitor:
    """A page in a browser of its own, with what the browser complained about."""

    page: Page
    bookly: Running
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Collect what no visit may cause, also in tabs that open later."""
        self.page.context.add_init_script(_KEEP_WHAT_IS_SAID)
        self.page.context.on("console", self._hear)
        self.page.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page.context.on("request", self._check_host)
        self.page.context.on("response", self._check_status)

    def _hear(self, message: ConsoleMessage) -> None:
        # A violation of the Content-Security-Policy is such an error.
        if message.type in {"error", "warning"} and not _EXPECTED.match(message.text):
            self.complaints.append(message.text)

    def _check_host(self, request: Request) -> None:
        if not request.url.startswith((f"{self.bookly.url}/", "data:")):
            self.complaints.append(f"another host: {request.url}")

    def _check_status(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status}: {response.url}")

    def fill(self, **fields: str) -> None:
        """Fill in fields by their names."""
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").fill(value)

    def submit(self) -> None:
        """Click on the button of the form."""
        self.page.locator("main [type=submit]").click()

    def sign_up(self, email: str, name: str = "") -> None:
        """Sign up by the page, and wait for the shelf."""
        self.page.goto("/signup")
        self.fill(first_name=name, email=email, password=PASSWORD)
        self.submit()
        self.page.locator("#add").wait_for()

    def fill_in_book(self, title: str, **others: str) -> None:
        """Open the form of the shelf for a new book, and fill it in."""
        fields = {
            "title": title,
            "author": "Jane Austen",
            "publisher": "John Murray",
            "published_date": "1815-12-23",
            "page_count": "1036",
            "language": "English",
        }
        self.page.locator("#add").click()
        self.fill(**fields | others)

    def add_book(self, title: str, **others: str) -> None:
        """Add a book by the form of the shelf, and wait for its card."""
        self.fill_in_book(title, **others)
        self.submit()
        self.page.locator(".is-new").wait_for(state="detached")

    def link(self, path: str, to: str) -> str:
        """Return the newest link to a path in the mails to an address, as it is in the log."""
        log = self.bookly.data_dir / "log.txt"
        pattern = re.compile(
            rf"mail to {re.escape(to)} .*?^({re.escape(self.bookly.url + path)}#token=\S+)$",
            re.DOTALL | re.MULTILINE,
        )
        wait_until(lambda: pattern.search(log.read_text()) is not None)
        return str(pattern.findall(log.read_text())[-1])


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start Debian's Chromium."""
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=program("chromium"),
            args=["--no-sandbox", *arguments],
            timeout=MILLISECONDS,
        )
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, bookly: Running, **options: object) -> Iterator[Visitor]:
    """Open a page with its own cookies and storage. At the end, nothing may have gone wrong."""
    context = browser.new_context(base_url=bookly.url, **options)  # type: ignore[arg-type]  # Named options.
    context.set_default_timeout(MILLISECONDS)
    visitor = Visitor(context.new_page(), bookly)
    visitor.watch()
    yield visitor
    context.close()
    assert not visitor.complaints, visitor.complaints


def expect_said(page: Page, words: str) -> None:
    """Wait until the status line has shown these words since the page was loaded.

    Words that it has shown before count, too, unless `forget_said` is called in between.
    """
    wait_until(lambda: any(words in each for each in page.evaluate("window.said")))


def forget_said(page: Page) -> None:
    """Let `expect_said` count only what the status line shows from now on."""
    page.evaluate("window.said.length = 0")


def violations(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or critical, with the first element of each."""
    axe = (node_packages() / "node_modules" / "axe-core" / "axe.min.js").read_text()
    result = page.evaluate(f"{axe}; axe.run(document, {{ resultTypes: ['violations'] }})")
    serious = [each for each in result["violations"] if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {json.dumps(each['nodes'][0], indent=1)}" for each in serious]
