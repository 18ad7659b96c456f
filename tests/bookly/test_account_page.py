"""The views of the account and of the sessions, in a browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.bookly.browsing import API, Visitor, expect_said, visiting
from tests.bookly.running import Running, running_bookly
from tests.waiting import wait_until
from tokenpair.testing import PASSWORD

pytestmark = pytest.mark.long

NEW_PASSWORD = "seven quiet otters borrow a ladder"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SCRIPT = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # With limits, so that the account can ask for too many mails.
    with running_bookly(tmp_path_factory.mktemp("bookly"), TOKENPAIR_LIMITS="on") as bookly:
        yield bookly


@pytest.fixture
def visitor(browser: Browser, bookly: Running) -> Iterator[Visitor]:
    with visiting(browser, bookly) as visitor:
        yield visitor


def log_in_elsewhere(visitor: Visitor, email: str, user_agent: str = FIREFOX) -> str:
    """Log in with another program; return its access token."""
    answer = httpx2.post(
        f"{visitor.bookly.url}{API}/auth/login",
        json={"email": email, "password": PASSWORD},
        headers={"User-Agent": user_agent},
    )
    return str(answer.json()["access_token"])


def status_elsewhere(visitor: Visitor, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{visitor.bookly.url}{API}/auth/me", headers=headers).status_code


def test_an_account_from_its_profile_to_its_end(visitor: Visitor, tmp_path: Path) -> None:
    page, email = visitor.page, "account@example.com"
    visitor.sign_up(email)
    elsewhere = log_in_elsewhere(visitor, email)
    page.goto("/account")
    profile, address, password, data, end = (page.locator(".block").nth(each) for each in range(5))

    profile.locator("[name=first_name]").fill(SCRIPT)
    profile.get_by_role("button", name="Save").click()
    expect_said(page, "Saved.")
    expect(page.locator(".menu .name")).to_have_text(SCRIPT)

    expect(address.locator(".tag")).to_have_text("Not verified yet")
    first = visitor.link("/verify", email)
    address.get_by_role("button", name="Send a new link").click()
    expect(address.get_by_role("button", name="Send a new link in")).to_have_attribute(
        "aria-disabled", "true"
    )
    wait_until(lambda: visitor.link("/verify", email) != first)
    other = page.context.new_page()
    other.goto(visitor.link("/verify", email))
    other.locator("main [type=submit]").click()
    expect(other.locator("h1")).to_have_text("Verified")
    expect(address.locator(".tag")).to_have_text("Verified")

    password.locator("[name=current_password]").fill("not my password at all")
    password.locator("[name=new_password]").fill(NEW_PASSWORD)
    password.locator("[type=submit]").click()
    expect(password.locator(".field-error:visible")).to_have_text(["This is not your password."])
    password.locator("[name=current_password]").fill(PASSWORD)
    password.locator("[type=submit]").click()
    expect_said(page, "logged out on all other devices")
    assert status_elsewhere(visitor, elsewhere) == 401

    with page.expect_download() as downloaded:
        data.get_by_role("button", name="Download a copy").click()
    downloaded.value.save_as(tmp_path / "copy.json")
    assert email in json.dumps(json.loads((tmp_path / "copy.json").read_text()))

    end.locator("[name=password]").fill(NEW_PASSWORD)
    end.locator("[type=submit]").click()
    expect(page.locator("dialog h2")).to_have_text(f"Delete the account {email}?")
    page.locator("dialog").get_by_role("button", name="Delete the account").click()
    expect_said(page, "Your account is deleted.")
    expect(page.locator(".menu")).to_have_count(0)


def test_an_address_changes_when_its_new_mail_was_opened(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_up("old@example.com")
    page.goto("/account")
    page.get_by_text("Use another address").click()
    form = page.locator(".more-form form")
    form.locator("[name=new_email]").fill("new@example.com")
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[type=submit]").click()
    expect(page.locator(".more-form [role=status]")).to_contain_text("We sent a link to new@")

    page.goto(visitor.link("/email/change", "new@example.com"))
    visitor.submit()
    page.get_by_role("link", name="Go to your account").click()

    expect(page.locator(".address")).to_contain_text("new@example.com")
    expect(page.locator(".address .tag")).to_have_text("Verified")


def test_sessions_are_told_apart_and_end_at_once(visitor: Visitor) -> None:
    page, email = visitor.page, "sessions@example.com"
    visitor.sign_up(email)
    firefox = log_in_elsewhere(visitor, email)
    others = [
        log_in_elsewhere(visitor, email, "curl/8.5.0"),
        log_in_elsewhere(visitor, email, SCRIPT),
    ]
    page.clock.install()
    page.goto("/sessions")
    names = page.locator(".row h2")
    expect(names).to_have_count(4)
    expect(names.first).to_contain_text("This device")
    expect(names.nth(1)).to_have_text("An unknown program")
    others.append(log_in_elsewhere(visitor, email, "curl/8.6.0"))
    page.clock.run_for(16_000)
    expect(names).to_have_count(5)
    expect(page.get_by_title(FIREFOX)).to_have_text("Firefox on Linux")

    page.get_by_role("button", name="End the session on Firefox on Linux").click()
    expect(page.locator("dialog h2")).to_have_text(
        "End the session on Firefox on Linux, 127.0.0.1?"
    )
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert status_elsewhere(visitor, firefox) == 200
    page.get_by_role("button", name="End the session on Firefox on Linux").click()
    page.locator("dialog").get_by_role("button", name="End the session").click()
    expect_said(page, "Ended. The device was logged out at once.")
    expect(names).to_have_count(4)
    page.get_by_role("button", name="Log out everywhere else").click()
    with page.expect_request("**/auth/logout/others"):
        page.locator("dialog").get_by_role("button", name="Log out everywhere else").click()
    expect(page.locator("main")).to_contain_text("You are logged in on this device only.")

    assert [status_elsewhere(visitor, each) for each in (firefox, *others)] == [401] * 4


def test_a_log_out_in_one_tab_ends_the_others(visitor: Visitor) -> None:
    page, email = visitor.page, "tabs@example.com"
    visitor.sign_up(email)
    elsewhere = log_in_elsewhere(visitor, email)
    tabs = [page.context.new_page() for _ in range(2)]
    for tab, path in zip(tabs, ("/account", "/sessions"), strict=True):
        tab.goto(path)
        expect(tab.locator(".menu")).to_be_visible()

    page.goto("/sessions")
    page.get_by_role("button", name="Log out everywhere", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Log out everywhere").click()

    for tab in (page, *tabs):
        expect(tab.locator(".menu")).to_have_count(0)
        expect_said(tab, "You are logged out.")
    assert status_elsewhere(visitor, elsewhere) == 401
