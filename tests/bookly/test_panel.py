"""The token panel in a browser: what a visitor sees of renewals, losses and a theft."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from tests.bookly.browsing import MILLISECONDS, Visitor, violations, visiting
from tests.bookly.running import Running, running_bookly
from tests.ports import reserved_port
from tests.waiting import wait_until

pytestmark = pytest.mark.long

WIDE: ViewportSize = {"width": 1440, "height": 900}
RENEWAL_MILLISECONDS = 2 * MILLISECONDS
"""Longest wait for a session that renews by itself, in milliseconds."""
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as bookly:
        yield bookly


@pytest.fixture
def visitor(browser: Browser, bookly: Running) -> Iterator[Visitor]:
    with visiting(browser, bookly, viewport=WIDE) as visitor:
        yield visitor


def press(page: Page, name: str) -> None:
    page.locator("#panel").get_by_role("button", name=name).click()


def log_of(page: Page) -> Locator:
    """Return the renewals, the newest first."""
    return page.locator(".log li")


def verdicts(page: Page, since: datetime) -> set[str]:
    """Return those of the renewals after this time, as the server tells them."""
    told = page.evaluate("fetch('/demo').then((answer) => answer.json())")
    log = told["session"]["log"]
    return {each["verdict"] for each in log if datetime.fromisoformat(each["at"]) > since}


def expect_newer(page: Page, than: datetime) -> None:
    """Wait until the panel shows a renewal after this time."""
    newest = "document.querySelector('.log time')?.dateTime ?? '0001-01-01T00:00+00:00'"
    wait_until(lambda: datetime.fromisoformat(page.evaluate(newest)) > than)


def follow_advice(page: Page) -> None:
    """Do what the panel says, until the session has ended."""
    advice, over, said = page.locator(".advice"), page.locator(".over"), ""

    def has_changed() -> bool:
        return over.is_visible() or advice.inner_text() not in {"", said}

    while True:
        wait_until(has_changed)  # Waiting is a step, too.
        if over.is_visible():
            return
        said = advice.inner_text()
        if "Press “Renew twice at once”" in said:
            press_at_once(page, "Renew twice at once")
        elif "Let the thief renew now" in said:
            press_at_once(page, "Thief renews")


def press_at_once(page: Page, name: str) -> None:
    """Press a button although the session, which renews by itself, may just have ended."""
    # Not by a click, which would wait for a button that the end has hidden.
    page.locator("#panel button", has_text=name).dispatch_event("click")


def assert_accessible(page: Page) -> None:
    # Motion stays off afterwards: a change of colors that takes time would stand still in a tab
    # that is behind another one.
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == []


def test_a_newcomer_watches_two_tabs_and_finds_the_thief_out(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("newcomer@example.com")
    expect(page.locator(".hints li")).to_have_count(3)

    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open a second tab").click()
    second = opened.value
    expect(second.locator(".session-facts")).to_contain_text("2 tabs")
    expect(page.locator(".session-facts")).to_contain_text("2 tabs")
    # It renews by itself, in one of the two tabs, and both tell of it.
    shown = log_of(page).count()
    for tab in (page, second):
        expect(log_of(tab).nth(shown)).to_be_visible(timeout=RENEWAL_MILLISECONDS)
    senders = {log_of(each).last.locator(".sender").inner_text() for each in (page, second)}
    assert "this tab" in senders
    assert len(senders) == 2

    press(page, "Steal the refresh token")
    expect(page.locator(".advice")).to_contain_text("The thief holds a copy")
    press(page, "Thief renews")
    expect(second.locator(".log .thief .sender")).to_have_text("thief")
    assert_accessible(page)
    follow_advice(page)

    for tab in (page, second):
        expect(tab.locator(".over")).to_contain_text("An old refresh token came back")
        expect(tab.locator(".over")).to_contain_text("ended the session for both")
        expect(tab.locator(".left")).to_have_text("none")
        expect(tab.locator(".menu")).to_be_visible()  # The visitor's own session goes on.
    assert_accessible(page)
    press(second, "Start a new session")
    for tab in (page, second):
        expect(tab.locator(".over")).to_be_hidden()
        expect(tab.locator(".left")).to_contain_text("s left")


def test_a_lost_answer_costs_nothing(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/")

    press(page, "Lose the next answer")
    expect(page.locator(".advice")).to_contain_text("your next renewal will be lost")
    press(page, "Renew twice at once")

    # If it is the client's answer that was lost, the client renews once more, on top of both.
    expect(log_of(page).filter(has_text="Nothing lost")).to_have_count(1)
    lost = log_of(page).filter(has_text="the answer was lost on its way")
    expect(lost).to_have_count(1)
    expect(page.locator(".left")).to_contain_text(re.compile("(2.|30) s left"))


def test_ten_tabs_renew_once(visitor: Visitor) -> None:
    visitor.page.goto("/")
    expect(visitor.page.locator(".left")).to_contain_text("s left")
    tabs = [visitor.page, *(visitor.page.context.new_page() for _ in range(9))]
    for tab in tabs[1:]:
        tab.goto("/")
    for tab in tabs:
        expect(tab.locator(".session-facts")).to_contain_text("10 tabs")
        expect(tab.locator(".left")).to_contain_text("s left")
    opened = datetime.now(UTC)

    for tab in tabs:
        expect_newer(tab, opened)
        expect(tab.locator(".left")).to_contain_text(re.compile("(2.|30) s left"))

    # A second tab's renewal would have repeated the answer to the first one's.
    assert verdicts(visitor.page, opened) == {"advance"}


def test_a_server_that_was_restarted_has_forgotten_the_session(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restarted")
    with reserved_port() as port, browser.new_context(viewport=WIDE) as context:
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        with running_bookly(folder, "--port", str(port)) as bookly:
            page.goto(bookly.url)
            expect(page.locator(".left")).to_contain_text("s left")
        with running_bookly(folder, "--port", str(port)):
            press_at_once(page, "Renew twice at once")
            expect(page.locator(".over")).to_contain_text("It was restarted")
            press(page, "Start a new session")
            expect(page.locator(".left")).to_contain_text("s left")


def test_the_drawer_stays_as_it_was_left(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/")
    expect(page.locator("#panel-button")).to_have_attribute("aria-expanded", "true")
    press(page, "Got it, hide these")
    press(page, "Close")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#panel-button")).to_be_focused()

    page.reload()
    expect(page.locator("#panel-button")).to_have_attribute("aria-expanded", "false")
    page.locator("#panel-button").click()

    expect(page.locator(".left")).to_contain_text("s left")
    expect(page.locator(".hints")).to_have_count(0)


def test_a_drawer_that_is_closed_and_opened_in_haste_has_one_panel(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/")
    expect(page.locator(".left")).to_contain_text("s left")
    page.evaluate("for (let n = 0; n < 4; n++) document.getElementById('panel-button').click()")
    expect(page.locator(".left")).to_contain_text("s left")

    press(page, "Close")
    expect(page.locator("#panel > *")).to_have_count(0)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")


def test_a_panel_that_is_closed_before_it_has_opened_starts_no_session(visitor: Visitor) -> None:
    page = visitor.page
    held: list[Route] = []
    page.route("**/demo", lambda route: held.append(route), times=1)  # noqa: PLW0108  Playwright marks it.
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    with page.expect_request("**/demo"):
        page.goto("/")
    press(page, "Close")
    expect(page.locator("#panel > *")).to_have_count(0)

    with page.expect_event("requestfinished", lambda request: request.url.endswith("/demo")):
        held[0].continue_()
    told = page.evaluate("fetch('/demo').then((answer) => answer.json())")

    assert told["session"] is None
    assert not [url for url in sent if url.endswith("/demo/auth/login")]


def test_on_a_phone_it_is_a_sheet_at_the_bottom(browser: Browser, bookly: Running) -> None:
    with visiting(browser, bookly, viewport=PHONE) as visitor:
        page = visitor.page
        page.goto("/")
        expect(page.locator("#panel")).to_be_hidden()

        page.locator("#panel-button").click()
        expect(page.locator(".left")).to_contain_text("s left")

        box = page.locator("#panel").bounding_box()
        assert box
        assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 360, 740)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_server_for_the_network_has_no_panel(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("open")
    with (
        running_bookly(folder, "--host", "0.0.0.0") as bookly,
        visiting(browser, bookly, viewport=WIDE) as visitor,
    ):
        visitor.page.goto("/")
        expect(visitor.page.locator("#theme")).to_be_visible()

        assert visitor.page.locator("#panel-button").count() == 0
        expect(visitor.page.locator("#panel")).to_be_hidden()
