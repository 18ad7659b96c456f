"""Bookly's page in a browser: the whole journey, by mouse and by keyboard, and in every state."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import APIResponse, Browser, Locator, Page, Route, expect

from tests.bookly.browsing import (
    API,
    MILLISECONDS,
    Visitor,
    expect_said,
    forget_said,
    violations,
    visiting,
)
from tests.bookly.running import Running, running_bookly, tokenpair
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair.testing import PASSWORD

pytestmark = pytest.mark.long

NEW_PASSWORD = "seven quiet otters borrow a ladder"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
BOOKS = "**/api/v1/books?*"
BOOK = {
    "title": "Emma",
    "author": "Jane Austen",
    "publisher": "John Murray",
    "published_date": "12231815",
    "page_count": "1036",
    "language": "English",
}
"""What a user types into the fields of a book. The date is in the order of the browser."""
SHOWN = BOOK | {
    "id": "1",
    "owner_id": "1",
    "published_date": "1815-12-23",
    "page_count": 1,
    "is_sample": False,
}
"""A book as the API shows it."""


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as bookly:
        yield bookly


@pytest.fixture(autouse=True)
def empty_shelf(bookly: Running) -> None:
    """Remove the books of other tests: the shelf has those of all users."""
    path = bookly.data_dir / "tokenpair.db"
    with closing(sqlite3.connect(path, timeout=LIMIT_SECONDS)) as connection, connection:
        connection.execute("DELETE FROM bookly_book")


@pytest.fixture
def visitor(browser: Browser, bookly: Running) -> Iterator[Visitor]:
    with visiting(browser, bookly) as visitor:
        yield visitor


def heading(page: Page) -> str:
    return page.locator("main h1").inner_text()


def log_out(page: Page) -> None:
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.locator("h1")).to_contain_text("A shelf for your books")


def log_in(visitor: Visitor, email: str, password: str, at: str = "/login") -> None:
    visitor.page.goto(at)
    visitor.fill(email=email, password=password)
    visitor.submit()


# The journey


def test_the_whole_journey(visitor: Visitor, browser: Browser, bookly: Running) -> None:
    """V7.4.4."""
    page, email = visitor.page, "journey@example.com"

    page.goto("/")
    page.locator("main").get_by_role("link", name="Sign up").click()
    visitor.fill(first_name="Ada", email=email, password=PASSWORD)
    visitor.submit()
    expect(page.locator(".state h2")).to_have_text("The shelf is empty")
    expect(page.locator(".menu summary")).to_contain_text("Ada")

    # A scanner opens the link first. It uses nothing up, and no token stays in a URL.
    link = visitor.link("/verify", email)
    with visiting(browser, bookly) as scanner:
        scanner.page.goto(link)
        expect(scanner.page.locator("main [type=submit]")).to_be_visible()
        assert scanner.page.url == f"{bookly.url}/verify"
    page.goto(link)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("Verified")
    page.goto("about:blank")
    page.goto(link)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("This link does not work")

    page.goto("/")
    visitor.add_book(SCRIPT)
    expect(page.locator(".card h2")).to_have_text(SCRIPT)
    page.get_by_role("button", name="Edit").click()
    visitor.fill(title="Emma")
    visitor.submit()
    expect(page.locator(".card h2")).to_have_text("Emma")
    page.reload()
    page.get_by_role("button", name="Delete “Emma”").click()
    expect(page.locator("dialog h2")).to_have_text("Delete “Emma”?")
    page.get_by_role("button", name="Delete the book").click()
    expect_said(page, "Deleted “Emma”.")
    expect(page.locator("#add")).to_be_focused()
    expect(page.locator(".card")).to_have_count(0)

    log_out(page)
    page.goto("/login")
    page.get_by_role("link", name="Forgotten").click()
    expect(page.locator("h1")).to_have_text("Forgotten password")  # Both have a field for it.
    visitor.fill(email=email)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("Look at your mails")
    page.goto(visitor.link("/reset", email))
    visitor.fill(new_password=NEW_PASSWORD)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("Password changed")
    page.locator("main").get_by_role("link", name="Log in").click()
    visitor.fill(email=email, password=PASSWORD)
    visitor.submit()
    expect(page.locator("main .form-error")).to_have_text(
        "The e-mail address or the password is wrong."
    )
    visitor.fill(password=NEW_PASSWORD)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("Shelf")


def press_until(page: Page, wanted: str) -> None:
    """Press Tab until the element with this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).innerText?.trim() "
            "|| document.activeElement.ariaLabel"
        ).startswith(wanted):
            return
    raise AssertionError(f"the keyboard does not reach {wanted!r}")


def leave(page: Page, name: str) -> None:
    """Press Tab until another field has the focus: the parts of a date are stops of their own."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") != name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not leave {name!r}")


def test_the_keyboard_alone_is_enough(visitor: Visitor) -> None:
    page, keys = visitor.page, visitor.page.keyboard
    page.goto("/signup")
    page.locator("main form").wait_for()

    for label, text in {"E-mail address": "keys@example.com", "Password": PASSWORD}.items():
        press_until(page, label)
        keys.type(text)
    keys.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    press_until(page, "Add a book")
    keys.press("Enter")
    for name, text in BOOK.items():
        keys.type(text)
        if name != "language":
            leave(page, name)
    keys.press("Enter")
    expect(page.locator(".card h2")).to_have_text("Emma")
    expect(page.locator("#add")).to_be_focused()
    press_until(page, "Delete")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    press_until(page, "keys")  # The account menu, which the name of the user labels.
    keys.press("Enter")
    press_until(page, "Log out")
    keys.press("Enter")
    expect(page.locator("h1")).to_contain_text("A shelf for your books")


# Where links lead


def test_a_log_in_goes_on_to_own_paths_only(visitor: Visitor, bookly: Running) -> None:
    visitor.sign_up("next@example.com")

    for at, there in {
        "/sessions": "/sessions",
        "/login?next=%2F%3Fq%3Demma": "/?q=emma",
        "/login?next=https%3A%2F%2Fexample.com%2Faccount": "/",
        "/login?next=%2F%2Fexample.com%2Faccount": "/",
        "/login?next=javascript%3Aalert(1)": "/",
    }.items():
        log_out(visitor.page)
        log_in(visitor, "next@example.com", PASSWORD, at)
        expect(visitor.page.locator(".menu")).to_be_visible()
        expect(visitor.page).to_have_url(bookly.url + there)


def test_back_and_forward_and_a_search_as_one_types(visitor: Visitor, bookly: Running) -> None:
    page = visitor.page
    visitor.sign_up("back@example.com")
    for title in ("Persuasion", "Dracula"):
        visitor.add_book(title)

    page.get_by_role("searchbox").press_sequentially("persua")
    expect(page.locator(".card h2")).to_have_text(["Persuasion"])
    expect(page).to_have_url(f"{bookly.url}/?q=persua")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Your sessions").click()
    expect(page).to_have_title("Your sessions · Bookly")
    page.go_back()
    expect(page.locator(".card h2")).to_have_text(["Persuasion"])
    page.go_forward()

    expect(page).to_have_title("Your sessions · Bookly")


def add_books(visitor: Visitor, email: str, number: int) -> None:
    """Add books over HTTP, and show the shelf again."""
    book = BOOK | {"published_date": "1815-12-23", "page_count": 1036}
    with httpx2.Client(base_url=f"{visitor.bookly.url}{API}") as client:
        login = client.post("/auth/login", json={"email": email, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        for each in range(number):
            client.post("/books", json=book | {"title": f"Emma {each}"}).raise_for_status()
    visitor.page.reload()


def scroll_to_the_end_of_30_books(visitor: Visitor, email: str) -> float:
    """Sign up, add the books, load them all and scroll down; return how far."""
    page = visitor.page
    visitor.sign_up(email)
    add_books(visitor, email, 30)
    page.get_by_role("button", name="Load more").click()
    expect(page.locator(".card")).to_have_count(30)
    page.locator(".card").last.scroll_into_view_if_needed()
    left_at: float = page.evaluate("scrollY")
    assert left_at > 0
    return left_at


def test_back_shows_the_shelf_as_it_was_left(visitor: Visitor) -> None:
    page = visitor.page
    left_at = scroll_to_the_end_of_30_books(visitor, "left@example.com")

    page.locator(".menu summary").click()
    page.get_by_role("link", name="Your sessions").click()
    expect(page.locator("h1")).to_have_text("Your sessions")
    wait_until(lambda: page.evaluate("scrollY") == 0)
    for come_back in (page.go_back, page.reload):
        come_back()
        expect(page.locator(".card")).to_have_count(30)
        wait_until(lambda: page.evaluate("scrollY") == left_at)

    # A view that is left before its answer comes keeps its place.
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Your sessions")
    held: list[Route] = []
    page.route(BOOKS, lambda route: held.append(route))  # noqa: PLW0108  Playwright marks it.
    with page.expect_request(BOOKS):
        page.go_back()
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Your sessions")
    page.unroute(BOOKS)
    page.go_back()
    expect(page.locator(".card")).to_have_count(30)
    wait_until(lambda: page.evaluate("scrollY") == left_at)

    # The skip link makes an entry of its own.
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_be_focused()
    page.locator(".card").last.scroll_into_view_if_needed()
    wait_until(lambda: page.evaluate("scrollY") == left_at)
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Your sessions").click()
    expect(page.locator("h1")).to_have_text("Your sessions")
    page.go_back()
    expect(page.locator(".card")).to_have_count(30)
    wait_until(lambda: page.evaluate("scrollY") == left_at)
    page.get_by_role("searchbox").fill("emma")

    expect(page.locator(".card")).to_have_count(24)
    wait_until(lambda: page.evaluate("scrollY") == 0)
    page.go_back()
    expect(page.locator(".card")).to_have_count(30)
    wait_until(lambda: page.evaluate("scrollY") == left_at)


def test_back_to_the_same_url_shows_each_place(visitor: Visitor) -> None:
    page = visitor.page
    left_at = scroll_to_the_end_of_30_books(visitor, "twice@example.com")
    page.locator("a[href='/']").first.click()
    expect(page.locator(".card")).to_have_count(24)

    page.go_back()
    expect(page.locator(".card")).to_have_count(30)
    wait_until(lambda: page.evaluate("scrollY") == left_at)
    page.go_forward()

    expect(page.locator(".card")).to_have_count(24)
    wait_until(lambda: page.evaluate("scrollY") == 0)


def test_a_search_that_is_typed_keeps_one_entry(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("typed@example.com")
    visitor.add_book("Dracula")
    kept = "Object.keys(JSON.parse(sessionStorage.getItem('bookly-entries'))).length"
    page.reload()
    expect(page.locator(".card")).to_have_count(1)
    before = page.evaluate(kept)
    for q in ("d", "dr", "dra"):
        page.get_by_role("searchbox").fill(q)
        expect(page.locator("h1")).to_have_text(f"Books with “{q}”")

    page.reload()

    expect(page.locator("h1")).to_have_text("Books with “dra”")
    expect(page.locator(".card")).to_have_count(1)
    assert page.evaluate(kept) == before


def test_back_to_many_books_asks_for_many_at_once(visitor: Visitor) -> None:
    page, limits = visitor.page, []

    def serve(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        limit, first = int(query["limit"][0]), int(query.get("cursor", ["0"])[0])
        limits.append(limit)
        items = [SHOWN | {"id": str(each)} for each in range(first, first + limit)]
        after = first + limit
        route.fulfill(json={"items": items, "next": str(after) if after < 144 else None})

    page.route(BOOKS, serve)
    visitor.sign_up("many@example.com")
    for number in range(48, 145, 24):
        page.get_by_role("button", name="Load more").click()
        expect(page.locator(".card")).to_have_count(number)
    limits.clear()

    page.reload()

    expect(page.locator(".card")).to_have_count(144)
    assert limits == [96, 48]


def test_only_the_last_entries_of_the_history_are_kept(visitor: Visitor) -> None:
    page = visitor.page
    page.add_init_script(
        "const old = Array.from({ length: 150 }, (_, each) => [`old-${each}`, { y: 1 }]);"
        "sessionStorage.setItem('bookly-entries', JSON.stringify(Object.fromEntries(old)))"
    )
    visitor.sign_up("entries@example.com")

    page.locator(".menu summary").click()
    page.get_by_role("link", name="Your sessions").click()

    expect(page.locator("h1")).to_have_text("Your sessions")
    kept = page.evaluate("Object.keys(JSON.parse(sessionStorage.getItem('bookly-entries')))")
    assert len(kept) == 100
    assert "old-149" in kept
    assert "old-50" not in kept


def test_a_search_and_another_view_keep_half_filled_forms(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("forms@example.com")
    new, edited = (
        page.locator(f"{kind} [name=title]") for kind in (".is-new", ".is-edited:not(.is-new)")
    )
    expect(page.locator(".state h2")).to_have_text("The shelf is empty")
    page.locator("#add").click()
    expect(page.locator(".state")).to_have_count(0)
    new.press("Escape")
    for title in ("Dracula", "Emma"):
        visitor.add_book(title)
    page.locator("#add").click()
    new.fill("Persuasion")
    page.get_by_role("button", name="Edit “Emma”").click()
    edited.fill("Emma Woodhouse")

    page.get_by_role("searchbox").fill("no such book")
    expect(page.locator(".state h2")).to_have_text("Nothing found")
    expect(new).to_have_value("Persuasion")
    page.get_by_role("searchbox").fill("austen")
    expect(page.locator("h1")).to_have_text("Books with “austen”")
    expect(edited).to_have_value("Emma Woodhouse")
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Your sessions").click()
    expect(page.locator("h1")).to_have_text("Your sessions")
    page.go_back()
    expect(new).to_have_value("Persuasion")
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".card h2")).to_have_text(["Emma Woodhouse", "Dracula"])
    new.press("Escape")
    expect(page.locator(".is-edited")).to_have_count(0)


@contextmanager
def late_answer(page: Page, url: str, send: Callable[[], object]) -> Iterator[None]:
    """Send a request that the server answers at once. The page has the answer after the block."""
    answers: list[tuple[Route, APIResponse]] = []
    page.route(url, lambda route: answers.append((route, route.fetch())))
    send()
    wait_until(lambda: bool(page.title() and answers))
    yield
    route, answer = answers[0]
    route.fulfill(response=answer)
    page.unroute(url)


def test_a_late_answer_leaves_the_user_alone(visitor: Visitor) -> None:
    page, search = visitor.page, visitor.page.get_by_role("searchbox")
    titles = page.locator(".card h2")
    visitor.sign_up("late@example.com")
    visitor.fill_in_book("Dracula")
    with late_answer(page, "**/api/v1/books", visitor.submit):
        search.fill("dracula")
        expect(titles).to_have_text(["Dracula"])
    expect_said(page, "Added “Dracula”.")
    expect(page.locator(".is-new")).to_have_count(0)
    expect(titles).to_have_text(["Dracula"])
    expect(search).to_be_focused()

    # A search shows a new book only if it finds it.
    visitor.add_book("Emma")
    expect_said(page, "Added “Emma”.")
    expect(titles).to_have_text(["Dracula"])
    visitor.add_book("Dracula again")
    expect(titles).to_have_text(["Dracula again", "Dracula"])
    delete = page.get_by_role("button", name="Delete the book")
    page.get_by_role("button", name="Delete “Dracula again”").click()
    with late_answer(page, "**/api/v1/books/*", delete.click):
        search.focus()
    expect(titles).to_have_text(["Dracula"])
    expect(search).to_be_focused()

    visitor.fill_in_book("Dracula once more")
    with late_answer(page, f"{BOOKS}q=dracula", visitor.submit):
        search.fill("emma")
        expect(titles).to_have_text(["Emma"])
    expect(page.locator(".is-new")).to_have_count(0)
    expect(titles).to_have_text(["Emma"])

    page.get_by_role("button", name="Edit").click()
    visitor.fill(title="Emma Woodhouse")
    with late_answer(page, "**/api/v1/books/*", visitor.submit):
        search.focus()
    expect(titles).to_have_text(["Emma Woodhouse"])
    expect(search).to_be_focused()
    page.get_by_role("button", name="Delete").click()
    with late_answer(page, "**/api/v1/books/*", delete.click):
        page.locator(".menu summary").click()
        page.get_by_role("link", name="Your sessions").click()
        expect(page.locator("h1")).to_have_text("Your sessions")
    expect_said(page, "Deleted “Emma Woodhouse”.")


@contextmanager
def late_request(page: Page, url: str, send: Callable[[], object]) -> Iterator[None]:
    """Send a request that reaches the server after the block."""
    routes: list[Route] = []
    page.route(url, lambda route: routes.append(route))  # noqa: PLW0108  Playwright marks it.
    send()
    wait_until(lambda: bool(page.title() and routes))
    yield
    routes[0].continue_()
    page.unroute(url)


def test_a_late_request_changes_what_is_shown_by_then(visitor: Visitor) -> None:
    page, new = visitor.page, visitor.page.locator(".is-new [name=title]")
    visitor.sign_up("later@example.com")
    visitor.add_book("Dracula")
    page.get_by_role("button", name="Delete “Dracula”").click()
    delete = page.get_by_role("button", name="Delete the book")
    with late_request(page, "**/api/v1/books/*", delete.click):
        page.get_by_role("searchbox").fill("dra")
        expect(page.locator("h1")).to_have_text("Books with “dra”")
    expect_said(page, "Deleted “Dracula”.")
    expect(page.locator(".card")).to_have_count(0)

    samples = SHOWN | {"title": "A sample", "is_sample": True}
    page.route(BOOKS, lambda route: route.fulfill(json={"items": [samples], "next": None}))
    page.locator("a[href='/']").first.click()
    page.get_by_role("button", name="Remove the samples").click()
    agree = page.get_by_role("dialog").get_by_role("button", name="Remove the samples")
    with late_request(page, "**/api/v1/books/samples", agree.click):
        page.locator(".menu summary").click()
        page.get_by_role("link", name="Your sessions").click()
        expect(page.locator("h1")).to_have_text("Your sessions")
    expect_said(page, "The samples are removed.")
    expect(page.locator("h1")).to_have_text("Your sessions")
    page.locator("a[href='/']").first.click()
    page.get_by_role("button", name="Remove the samples").click()
    forget_said(page)
    with late_request(page, "**/api/v1/books/samples", agree.click):
        page.get_by_role("searchbox").fill("sample")
        expect(page.locator("h1")).to_have_text("Books with “sample”")
    expect_said(page, "The samples are removed.")
    expect(page.locator("h1")).to_have_text("Books with “sample”")
    page.unroute(BOOKS)
    page.locator("a[href='/']").first.click()
    expect(page.locator("h1")).to_have_text("Shelf")  # It takes the focus once, when it is shown.

    # A form that is opened while another one is still being saved stays.
    visitor.fill_in_book("Emma")
    with late_answer(page, "**/api/v1/books", visitor.submit):
        page.get_by_role("button", name="Cancel").click()
        page.locator("#add").click()
        new.fill("Persuasion")
    expect_said(page, "Added “Emma”.")
    page.locator("#add").click()
    expect(new).to_have_count(1)
    expect(new).to_have_value("Persuasion")


def end_sessions(visitor: Visitor, email: str) -> None:
    """End all sessions of a user from elsewhere, and let the page notice it."""
    with httpx2.Client(base_url=f"{visitor.bookly.url}{API}/auth") as client:
        login = client.post("/login", json={"email": email, "password": PASSWORD})
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        client.post("/logout/all", headers=headers).raise_for_status()
    visitor.page.get_by_role("searchbox").fill("emma")
    expect(visitor.page.locator("h1")).to_contain_text("A shelf for your books")


def test_a_half_filled_form_is_kept_for_its_user_until_the_log_out(visitor: Visitor) -> None:
    page, first, second = visitor.page, "half@example.com", "other@example.com"
    new = page.locator(".is-new [name=title]")

    def log_in_again(email: str) -> None:
        page.locator("main").get_by_role("link", name="Log in").click()
        visitor.fill(email=email, password=PASSWORD)
        visitor.submit()
        expect(page.locator("h1")).to_have_text("Shelf")

    visitor.sign_up(second)
    log_out(page)
    visitor.sign_up(first)
    page.locator("#add").click()
    new.fill("Persuasion")
    end_sessions(visitor, first)
    log_in_again(first)
    expect(new).to_have_value("Persuasion")
    end_sessions(visitor, first)
    log_in_again(second)
    expect(new).to_have_count(0)
    page.locator("#add").click()
    new.fill("Emma")
    log_out(page)
    log_in_again(second)

    expect(new).to_have_count(0)


def test_an_invitation_makes_an_account(visitor: Visitor, bookly: Running) -> None:
    page = visitor.page
    tokenpair("users", "invite", "invited@example.com", data_dir=bookly.data_dir)

    page.goto(visitor.link("/invitation", "invited@example.com"))
    visitor.fill(first_name="Grace", password=PASSWORD)
    visitor.submit()

    expect(page.locator("h1")).to_have_text("Your account is ready")
    expect(page.locator(".menu summary")).to_contain_text("Grace")


def test_without_sign_up_nothing_leads_there(browser: Browser, tmp_path: Path) -> None:
    with (
        running_bookly(tmp_path, TOKENPAIR_SIGN_UP="invited") as bookly,
        visiting(browser, bookly) as visitor,
    ):
        for path in ("/", "/login"):
            visitor.page.goto(path)
            expect(visitor.page.locator("h1")).to_be_visible()
            expect(visitor.page.locator("a[href^='/signup']")).to_have_count(0)
        visitor.page.goto("/signup")
        expect(visitor.page.locator("h1")).to_have_text("New accounts need an invitation")
        visitor.page.goto("/api/v1/docs")
        expect(visitor.page.locator(".wants-token").first).to_be_visible()
        expect(visitor.page.locator("#sign-up")).to_be_hidden()


def test_a_log_in_as_another_user_changes_every_tab(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("first@example.com", "First")
    visitor.add_book("Emma")
    expect(page.get_by_role("button", name="Edit “Emma”")).to_be_visible()
    second = Visitor(page.context.new_page(), visitor.bookly)
    second.page.goto("/")
    log_out(second.page)
    expect(page.locator("h1")).to_contain_text("A shelf for your books")

    second.sign_up("second@example.com", "Second")

    expect(page.locator(".menu summary")).to_contain_text("Second")
    expect(page.locator(".card h2").first).to_have_text("Emma")
    expect(page.get_by_role("button", name="Edit “Emma”")).to_have_count(0)


def test_the_cover_of_a_book_shows_one_letter_of_its_title(visitor: Visitor) -> None:
    page = visitor.page
    letters = {
        "The Trial": "T",
        "a tale": "T",
        "“emma”": "E",
        "ßtraße": "ß",
        "e\u0301té": "E\u0301",
        "\u200bDracula": "D",
        "👩‍👩‍👧‍👦 Family": "👩‍👩‍👧‍👦",
        "क्षितिज": "क्षि",
        "…": "…",
        "\u200b": "",
    }
    books = [SHOWN | {"title": title} for title in letters]
    page.route(BOOKS, lambda route: route.fulfill(json={"items": books, "next": None}))

    visitor.sign_up("covers@example.com")

    expect(page.locator(".cover")).to_have_text(list(letters.values()))


# Bad input and bad days


def test_without_storage_everything_works_but_nothing_is_remembered(visitor: Visitor) -> None:
    page = visitor.page
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('disabled') } })"
    )

    visitor.sign_up("storage@example.com")
    page.locator("#theme").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("h1")).to_have_text("Shelf")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "light")


def paste(field: Locator, text: str) -> None:
    """Replace what is in a field by pasting from the clipboard."""
    field.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    field.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    field.press("Control+A")
    field.press("Control+V")


def test_errors_stand_beside_their_fields_and_what_was_typed_is_kept(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("fields@example.com")
    page.locator("#add").click()
    title = page.locator("main [name=title]")
    hint = title.locator("xpath=preceding-sibling::*[contains(@id, 'length')]")
    paste(title, "😀" * 5 + "x" * 196)
    expect(hint).to_have_text("Shorten this by 1 character.")
    title.fill("😀" * 200)
    expect(hint).to_be_hidden()
    paste(title, "x" * 10_000_000)
    expect(hint).to_have_text("Only the first 1,000 characters fit in here. Shorten this to 200.")
    visitor.fill(author="A", publisher="P", published_date="2008-08-01", page_count="0")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    visitor.submit()

    expect(page.locator(".field-error:visible")).to_have_text(
        [
            "Title has at most 200 characters. This has 1,000.",
            "Enter a whole number from 1 to 100,000.",
            "Enter the language.",
        ]
    )
    expect(title).to_be_focused()
    assert title.get_attribute("aria-invalid") == "true"
    described = title.get_attribute("aria-describedby")
    assert described
    assert page.locator(f"#{described.split()[0]}").inner_text().startswith("Title has")
    assert page.locator("main [name=author]").input_value() == "A"
    assert not [url for url in sent if "/books" in url]


def test_the_servers_errors_are_told_in_the_pages_words(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("words@example.com")
    log_out(page)
    page.goto("/signup")
    visitor.fill(email="words@example.com", password=PASSWORD)
    visitor.submit()
    expect(page.locator(".field-error:visible")).to_have_text(
        ["There is an account with this address already. Log in, or use another address."]
    )
    visitor.fill(email="new@example.com", password="passwordpassword1")
    visitor.submit()
    expect(page.locator(".field-error:visible")).to_contain_text(["Password is easily guessed"])

    html = {"content_type": "text/html", "body": "<h1>Proxy</h1>"}
    page.route("**/signup", lambda route: route.fulfill(status=200, **html))
    visitor.fill(password=PASSWORD)
    visitor.submit()

    expect(page.locator("main .form-error")).to_contain_text("The answer did not come from Bookly")
    expect(page.locator("main .form-error")).to_be_focused()


def test_offline_the_shelf_stays_and_changes_are_off(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("offline@example.com")
    visitor.add_book("Emma")

    page.locator(".menu summary").click()
    page.context.set_offline(offline=True)
    expect(page.locator(".notice")).to_contain_text("You see the last known data")
    expect(page.get_by_role("button", name="Log out", exact=True)).to_be_visible()
    page.locator("#add").click()

    expect_said(page, "You are offline")
    expect(page.locator(".card h2").first).to_have_text("Emma")
    expect(page.locator(".is-new")).to_have_count(0)
    # Books of the shelf are none of a search.
    page.get_by_role("searchbox").fill("dracula")
    expect(page.locator("h1")).to_have_text("This did not load")
    expect(page.locator(".card")).to_have_count(0)
    page.context.set_offline(offline=False)
    expect(page.locator(".notice")).to_be_hidden()


def test_a_start_without_the_server_can_be_tried_again(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("start@example.com")
    page.route("**/refresh_token", lambda route: route.abort())
    # The clock stands still from then on, or the session might be found without the button.
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    page.reload()

    def has_failed() -> bool:
        page.clock.run_for(100)
        return page.locator(".state p").is_visible()

    wait_until(has_failed)
    expect(page.locator(".state p")).to_contain_text("Bookly cannot be reached")
    page.unroute("**/refresh_token")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator("h1")).to_have_text("Shelf")
    expect(page.locator(".notice")).to_be_hidden()


def test_a_slow_answer_shows_shapes_and_a_refused_one_a_retry(visitor: Visitor) -> None:
    page, held = visitor.page, []
    visitor.sign_up("slow@example.com")

    def hold(route: Route) -> None:
        held.append(route)

    page.route(BOOKS, hold)
    with page.expect_request(BOOKS):
        page.reload(wait_until="commit")
    expect(page.get_by_role("status", name="Loading")).to_be_visible()
    held[0].fulfill(status=403, json={"code": "insufficient_role"})
    expect(page.locator(".state p")).to_have_text("Your account may not do this.")
    page.unroute(BOOKS)
    page.get_by_role("button", name="Try again").click()

    expect(page.locator("h1")).to_have_text("Shelf")


def test_without_https_the_page_says_what_to_do(browser: Browser, bookly: Running) -> None:
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(bookly.url.replace("127.0.0.1", "bookly.test"))

    expect(page.locator(".notice.warning")).to_contain_text("This address has no https")
    assert page.locator(".notice a").get_attribute("href") == f"{bookly.url}/"
    page.close()


def test_a_second_link_that_is_opened_in_the_same_tab_works(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/reset#token=made-up")
    visitor.fill(new_password=PASSWORD)
    visitor.submit()
    expect(page.locator("h1")).to_have_text("This link does not work")

    page.goto("/reset#token=a-newer-one")

    expect(page.locator("h1")).to_have_text("Choose a new password")
    assert page.url.endswith("/reset")


# For every reader


def test_the_skip_link_keeps_what_is_typed(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/reset#token=made-up")
    visitor.fill(new_password=PASSWORD)

    page.locator(".skip").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#view")).to_be_focused()
    page.go_back()
    expect(page.locator("main [name=new_password]")).to_have_value(PASSWORD)


def views(visitor: Visitor) -> Iterator[str]:
    """Show each view, with what can be opened in it."""
    page = visitor.page
    for path in ("/", "/login", "/signup", "/forgot"):
        page.goto(path)
        page.locator("h1").wait_for()
        if path != "/":
            visitor.submit()
        yield path
    for path in ("/verify", "/reset", "/email/change", "/invitation"):
        page.goto(f"{path}#token=made-up")
        page.locator("main form").wait_for()
        yield path
    page.goto("/verify")
    page.locator("main a").wait_for()
    yield "a dead link"
    visitor.sign_up("axe@example.com")
    visitor.add_book("Emma")
    page.locator("#add").click()
    page.locator(".menu summary").click()
    yield "the shelf, with a form and the menu"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete “Emma”").first.click()
    yield "a question"
    for path in ("/account", "/sessions"):
        page.goto(path)
        page.locator("h1").wait_for()
        yield path


def test_every_view_is_accessible_and_fits_a_zoomed_window(visitor: Visitor) -> None:
    page = visitor.page
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []

    for view in views(visitor):
        page.set_viewport_size({"width": 1280, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{view}, {scheme}: {each}" for each in violations(page)]
        # A window of 1280 pixels at 200 %, and one at 400 %.
        for width in (640, 320):
            page.set_viewport_size({"width": width, "height": 512})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{view}: scrolls sideways at {width} pixels")

    assert found == []
