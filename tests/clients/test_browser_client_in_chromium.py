"""The browser client in a real browser, with a real server in cookie mode."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.clients.serving import Serving, serving
from tests.waiting import LIMIT_SECONDS
from tokenpair.testing import PASSWORD

# One browser for all of them.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("the browser client in a browser")]

RENEWAL = "/auth/refresh_token"
OPEN = """async (baseUrl) => {
    const { createSession } = await import(document.getElementById("tokenpair").href);
    window.session = createSession({ baseUrl });
    window.changes = [];
    session.onChange(({ status, user, cause }) => {
        changes.push([status, user?.email ?? null, cause]);
    });
    await session.ready;
}"""
LOG_IN = "([email, password]) => session.login({ email, password }).then(({ email }) => email)"
BOOKS = "() => session.fetch('/books').then(answer => answer.status)"
WITHOUT_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
LONGEST_PAUSE = 200
"""Pause of a tab after which others may renew without its answer, in milliseconds.

Without Web Locks they wait 250 ms for it.
"""
WATCH = """() => {
    let last = performance.now(), longest = 0;
    const look = () => {
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
        return longest;
    };
    clearInterval(window.watch);
    window.watch = setInterval(look, 25);
    window.longestPause = look;
}"""
ASK_WORKER = """async () => {
    await navigator.serviceWorker.register("/worker.js", { type: "module" });
    const { active } = await navigator.serviceWorker.ready;
    return new Promise(resolve => {
        navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
        active.postMessage("books");
    });
}"""


@dataclass
class Tabs:
    """The tabs of one browser, and what it complains about."""

    context: BrowserContext
    serving: Serving
    complaints: list[str] = field(default_factory=list)

    def user(self, name: str) -> str:
        """Add a user, and return the address."""
        email: str = httpx2.post(f"{self.serving.url}/users/{name}").json()
        return email

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text))
        page.goto(self.serving.url + path)
        return page

    def with_session(self) -> Page:
        page = self.open()
        page.evaluate(OPEN, "/auth")
        return page

    def logged_in(self, name: str, count: int) -> list[Page]:
        """Open tabs with a session, in the first of which a new user logs in."""
        pages = [self.with_session()]
        log_in(pages[0], self.user(name))
        return pages + [self.with_session() for _ in range(count - 1)]


def log_in(page: Page, email: str) -> None:
    assert page.evaluate(LOG_IN, [email, PASSWORD]) == email


def at_once(pages: list[Page], request: str) -> list[Any]:
    """Start a request in all tabs, before the first one is waited for."""
    for page in pages:
        page.evaluate(f"() => void (window.answer = ({request})())")
    return [page.evaluate("() => window.answer") for page in pages]


def wait_for(page: Page, change: list[str | None]) -> None:
    page.wait_for_function("change => String(changes.at(-1)) === String(change)", arg=change)


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    with serving() as served:
        yield served


@pytest.fixture
def tabs(browser: Browser, served: Serving) -> Iterator[Tabs]:
    context = browser.new_context()
    context.set_default_timeout(LIMIT_SECONDS * 1_000)
    expect.set_options(timeout=LIMIT_SECONDS * 1_000)
    served.requests.clear()
    yield Tabs(context, served)
    context.close()


def test_the_page_of_the_how_to(tabs: Tabs) -> None:
    email = tabs.user("reader")
    page = tabs.open()

    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("text=Log in")
    expect(page.locator("li")).to_have_text(f"A book for {email}")
    page.reload()
    expect(page.locator("li")).to_have_text(f"A book for {email}")
    other = tabs.open()
    expect(other.locator("li")).to_have_text(f"A book for {email}")
    other.click("text=Log out")

    expect(page.locator("form")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    assert tabs.context.cookies() == []
    assert tabs.complaints == []


def renewals_at_once(tabs: Tabs, pages: list[Page], longest: float) -> int:
    """Let ten tabs need a new token at once; return how often they renew.

    A round in which a tab stands still for longer than `longest` milliseconds is repeated.
    """
    for _ in range(10):
        before = tabs.serving.count(RENEWAL, 200)
        tabs.serving.clock.advance(hours=1)
        for page in pages:
            page.evaluate(WATCH)
        assert at_once(pages, BOOKS) == [200] * 10
        if max(page.evaluate("() => longestPause()") for page in pages) <= longest:
            return tabs.serving.count(RENEWAL, 200) - before
    raise AssertionError("a tab stood still in each round")


@pytest.mark.parametrize(
    ("script", "most", "longest"),
    [("", 1, inf), (WITHOUT_LOCKS, 3, LONGEST_PAUSE)],
    ids=["with Web Locks", "without"],
)
def test_ten_tabs_renew_once(tabs: Tabs, script: str, most: int, longest: float) -> None:
    tabs.context.add_init_script(script)
    pages = tabs.logged_in(f"ten{most}", 10)
    before = tabs.serving.count(RENEWAL, 200)

    renewals = sum(renewals_at_once(tabs, pages, longest) for _ in range(2))

    assert 2 <= renewals <= 2 * most
    assert tabs.serving.count(RENEWAL, 401) == 0
    assert before < 10  # Tabs that are opened later get the token from the others.


def test_a_log_out_and_another_user_are_seen_in_every_tab(tabs: Tabs) -> None:
    first, second, third = pages = tabs.logged_in("ada", 3)
    bob = tabs.user("bob")

    log_in(second, bob)
    for page in (first, third):
        wait_for(page, ["in", bob, "user_changed"])
    statuses = at_once(pages, BOOKS)
    third.evaluate("() => session.logout({ everywhere: true })")
    for page in (first, second):
        wait_for(page, ["out", None, "log_out"])

    assert statuses == [200] * 3
    assert first.evaluate(BOOKS) == 401


def test_a_session_that_the_server_ends_is_over_in_every_tab(tabs: Tabs) -> None:
    first, second = tabs.logged_in("eve", 2)
    tabs.serving.clock.advance(days=40)

    assert first.evaluate(BOOKS) == 401

    for page in (first, second):
        wait_for(page, ["out", None, "ended"])


def test_a_lost_answer_and_html_of_a_proxy_log_no_user_out(tabs: Tabs) -> None:
    (page,) = tabs.logged_in("lou", 1)
    tabs.serving.clock.advance(hours=1)
    tabs.serving.lost.append(RENEWAL)

    assert page.evaluate(BOOKS) == 200

    # The server has renewed twice, and the browser has seen one answer.
    assert tabs.serving.count(RENEWAL, 200) == 2


def test_a_page_on_another_origin_of_the_same_site(tabs: Tabs) -> None:
    with serving(calls="*") as pages, serving(origin=pages.url) as api:
        page = tabs.context.new_page()
        page.goto(pages.url)
        page.evaluate(OPEN, f"{api.url}/auth")
        log_in(page, httpx2.post(f"{api.url}/users/ann").json())
        api.clock.advance(hours=1)
        books = page.evaluate(f"() => session.fetch('{api.url}/books').then(({{ ok }}) => ok)")
        page.reload()
        page.evaluate(OPEN, f"{api.url}/auth")

        assert books is True
        assert page.evaluate("() => session.user.email") == "ann@example.com"
        page.evaluate("() => session.logout()")
        assert tabs.context.cookies() == []


def test_it_works_in_a_service_worker(tabs: Tabs) -> None:
    (page,) = tabs.logged_in("sue", 1)

    assert page.evaluate(ASK_WORKER) == ["sue@example.com", 200]
