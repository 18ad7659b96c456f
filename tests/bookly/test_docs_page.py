"""The API docs in a browser: one log-in, which "Try it out" uses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.bookly.browsing import MILLISECONDS
from tests.bookly.running import Running, running_bookly, tokenpair
from tests.waiting import wait_until
from tokenpair.testing import PASSWORD

pytestmark = pytest.mark.long

SIZES = {"wide": (1280, 900), "narrow": (390, 844)}


@dataclass
class Seen:
    """A page, with the browser's complaints and requests."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._fail)
        self.page.on("request", lambda request: self.urls.append(request.url))

    def _fail(self, request: Request) -> None:
        # The browser aborts what is under way when another page is opened.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(request.url)

    def _hear(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind in {"error", "warning"}:
            self.complaints.append(text)


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as bookly:
        yield bookly


in_all_looks = pytest.mark.parametrize(
    "seen", [f"{size} {scheme}" for size in SIZES for scheme in ("light", "dark")], indirect=True
)


@pytest.fixture
def seen(request: pytest.FixtureRequest, bookly: Running, browser: Browser) -> Iterator[Seen]:
    look: Any = getattr(request, "param", "wide light")
    size, scheme = look.split()
    width, height = SIZES[size]
    # A page with its own cache and cookies.
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, base_url=bookly.url
    )
    page.set_default_timeout(MILLISECONDS)
    seen = Seen(page)
    seen.watch()
    page.goto("/api/v1/docs")
    expect(page.locator("#operations-books-list_books")).to_be_visible()
    yield seen
    page.close()


def sign_up(page: Page, request: pytest.FixtureRequest) -> str:
    """Sign up a new user in the bar; return the address."""
    name = "".join(each for each in request.node.name if each.isalnum())
    address = f"{name}@example.com"
    page.fill("#email", address)
    page.fill("#password", PASSWORD)
    page.click("#sign-up")
    expect(page.locator("#log-out")).to_be_visible()
    return address


@in_all_looks
def test_a_sign_up_in_the_bar_is_what_try_it_out_uses(
    seen: Seen, bookly: Running, request: pytest.FixtureRequest
) -> None:
    page, endpoint = seen.page, seen.page.locator("#operations-books-list_books")
    expect(endpoint.locator(".wants-token")).to_have_text("log in first")

    sign_up(page, request)
    expect(endpoint.locator(".wants-token")).to_have_text("uses your session")
    endpoint.locator(".opblock-summary-control").click()
    endpoint.locator(".try-out__btn").click()
    with page.expect_response("**/api/v1/books?**") as answered:
        endpoint.locator(".execute").click()

    assert answered.value.status == 200
    expect(endpoint.locator(".live-responses-table .response-col_status").last).to_have_text("200")
    assert seen.complaints == []
    assert all(url.startswith((f"{bookly.url}/", "data:")) for url in seen.urls)


def test_after_the_password_was_given_again_the_tokens_are_new(
    seen: Seen, request: pytest.FixtureRequest
) -> None:
    page = seen.page
    others, endpoint = (
        page.locator(f"#operations-sessions-{name}")
        for name in ("log_out_elsewhere", "reauthenticate")
    )
    sign_up(page, request)
    for each in (others, endpoint):
        each.locator(".opblock-summary-control").click()
        each.locator(".try-out__btn").click()
    others.locator(".execute").click()  # It changes nothing about this session.
    status = others.locator(".live-responses-table .response-col_status")
    expect(status.last).to_have_text("204")

    with page.expect_response("**/refresh_token") as renewed:
        endpoint.locator(".execute").click()  # With the example's password, which is the user's.

    assert renewed.value.status == 200
    sent = [url.rpartition("/")[2] for url in seen.urls]
    assert sent.index("refresh_token") > sent.index("reauthenticate")


def test_with_other_roles_a_try_renews_and_succeeds(
    seen: Seen, bookly: Running, request: pytest.FixtureRequest
) -> None:
    page, endpoint = seen.page, seen.page.locator("#operations-books-list_books")
    address = sign_up(page, request)
    endpoint.locator(".opblock-summary-control").click()
    endpoint.locator(".try-out__btn").click()
    auth, credentials = f"{bookly.url}/api/v1/auth", {"email": address, "password": PASSWORD}
    token = httpx2.post(f"{auth}/login", json=credentials).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    tokenpair("users", "roles", address, "admin", data_dir=bookly.data_dir)
    wait_until(lambda: httpx2.get(f"{auth}/me", headers=headers).status_code == 401)

    with page.expect_response("**/refresh_token") as renewed:
        endpoint.locator(".execute").click()

    assert renewed.value.status == 200
    expect(endpoint.locator(".live-responses-table .response-col_status").last).to_have_text("200")


def test_the_page_has_the_session_of_the_docs_and_ends_it(
    seen: Seen, request: pytest.FixtureRequest
) -> None:
    page = seen.page
    address = sign_up(page, request)

    page.wait_for_load_state("networkidle")  # A request that is cut off would be a complaint.
    page.goto("/account")
    expect(page.locator("main")).to_contain_text(address)
    with page.context.expect_page() as opened:
        page.evaluate("window.open('/api/v1/docs')")
    docs = opened.value
    expect(docs.locator("#who")).to_have_text(address)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()

    expect(docs.locator("#email")).to_be_visible()
    assert seen.complaints == []


def test_a_renewal_can_be_tried_out_with_the_cookie(
    seen: Seen, request: pytest.FixtureRequest
) -> None:
    page, endpoint = seen.page, seen.page.locator("#operations-sessions-renew")
    sign_up(page, request)
    endpoint.locator(".opblock-summary-control").click()
    endpoint.locator(".try-out__btn").click()
    endpoint.locator(".execute").click()

    expect(endpoint.locator(".live-responses-table .response-col_status").last).to_have_text("200")


def test_the_bar_is_the_only_log_in(seen: Seen) -> None:
    page = seen.page

    expect(page.locator("#email")).to_be_visible()
    assert page.locator(".authorize, .authorization__btn, .auth-wrapper").count() == 0
    page.locator(".wants-token").first.click()

    expect(page.locator("#email")).to_be_focused()


def test_what_is_deprecated_comes_last(seen: Seen) -> None:
    expect(seen.page.locator("#operations-sessions-renew")).to_be_visible()
    listed = seen.page.locator("#operations-tag-sessions ~ div .opblock").evaluate_all(
        "all => all.map(each => [each.id, each.classList.contains('opblock-deprecated')])"
    )

    assert [name for name, is_deprecated in listed if is_deprecated] == [listed[-1][0]]
    assert "operations-sessions-renew" in [name for name, _ in listed]


@in_all_looks
def test_nothing_is_wider_than_the_screen(seen: Seen) -> None:
    width = seen.page.evaluate("document.documentElement.scrollWidth")

    assert width <= seen.page.evaluate("innerWidth")
