"""The token panel's own sessions: what a visitor can watch, and who gets there at all."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from bookly.app import create_app
from bookly.settings import BooklySettings
from bookly.web.demo.access import is_offered
from bookly.web.demo.cookies import HANDLE, TOKEN
from bookly.web.demo.service import EMAIL, MAX_SESSIONS, RULES
from tests.bookly.catalogue import assert_problem
from tests.bookly.conftest import PRODUCTION
from tests.bookly.running import running_bookly
from tokenpair import Settings
from tokenpair.fastapi.registry import installed
from tokenpair.testing import FakeClock, make_auth

# https, because the client keeps the cookies only there; browsers trust http on loopback, too.
ORIGIN = "https://127.0.0.1:8000"
OWN_PAGE = {"X-Tokenpair": "cookie", "Sec-Fetch-Site": "same-origin"}
UNSAFE = ["auth/login", "auth/refresh_token", "auth/logout", "lose", "theft", "theft/x/renew"]
WINDOW = RULES.windows.superseded.total_seconds() + 1


@dataclass
class Visitor:
    """A browser with the panel open."""

    http: httpx2.AsyncClient
    tab: str = "aaaaaaaa"

    async def post(self, path: str) -> httpx2.Response:
        headers = OWN_PAGE | {"X-Bookly-Tab": self.tab}
        return await self.http.post(f"/demo/{path}", headers=headers)

    async def session(self) -> Any:
        return (await self.http.get("/demo")).json()["session"]

    async def renew(self) -> str:
        """Return the verdict, by the session's log."""
        await self.post("auth/refresh_token")
        return str((await self.session())["log"][-1]["verdict"])

    async def renew_stolen(self) -> str:
        handle = (await self.session())["theft"]["handle"]
        answer = await self.post(f"theft/{handle}/renew")
        return str(answer.json()["session"]["log"][-1]["verdict"])


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[Visitor]:
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http,
    ):
        visitor = Visitor(http)
        started = await visitor.post("auth/login")
        assert started.status_code == 200, started.text
        yield visitor


async def test_a_renewal_tells_its_verdict_and_the_generation(
    visitor: Visitor, clock: FakeClock
) -> None:
    answer = (await visitor.post("auth/refresh_token")).json()
    clock.advance(seconds=1)
    again = (await visitor.post("auth/refresh_token")).json()
    clock.advance(seconds=WINDOW)
    later = (await visitor.post("auth/refresh_token")).json()

    told = [(each["verdict"], each["generation"]) for each in (answer, again, later)]
    assert told == [("advance", 1), ("hold", 1), ("advance", 2)]
    assert "refresh_token" not in answer
    bearer = {"Authorization": f"Bearer {later['access_token']}"}
    assert (await visitor.http.get("/demo/auth/me", headers=bearer)).json()["email"] == EMAIL


async def test_the_log_tells_which_tab_renewed(visitor: Visitor) -> None:
    await visitor.renew()
    visitor.tab = "bbbbbbbb"
    await visitor.renew()

    assert [each["tab"] for each in (await visitor.session())["log"]] == [1, 2]


async def test_a_lost_answer_costs_nothing(visitor: Visitor, clock: FakeClock) -> None:
    presented = visitor.http.cookies[TOKEN]
    await visitor.post("lose")
    lost = await visitor.post("auth/refresh_token")
    after_loss = visitor.http.cookies[TOKEN]
    clock.advance(seconds=1)
    again = await visitor.post("auth/refresh_token")

    first, second = (await visitor.session())["log"]
    assert (lost.status_code, lost.headers["X-Bookly-Lost"], lost.content) == (204, "1", b"")
    assert after_loss == presented
    assert again.json()["verdict"] == "repeat"
    assert [first["lost"], second["lost"]] == [True, False]
    assert (first["answered"], True) == (second["answered"], second["known"])


async def test_a_thief_is_found_out_when_both_have_moved_on(
    visitor: Visitor, clock: FakeClock
) -> None:
    await visitor.renew()
    stolen = await visitor.post("theft")
    token = visitor.http.cookies[TOKEN]
    clock.advance(seconds=WINDOW)
    verdicts = [await visitor.renew_stolen()]
    clock.advance(seconds=WINDOW)
    verdicts += [await visitor.renew(), await visitor.renew(), await visitor.renew_stolen()]

    session = await visitor.session()
    assert verdicts == ["advance", "repeat", "advance", "replay"]
    assert session["ended"] == "replay"
    assert [each["replayed"] for each in session["dots"]].count(True) == 1
    assert token not in stolen.text
    assert_problem(await visitor.post("auth/refresh_token"), 401, "session_ended")


async def test_a_handle_of_another_visitor_steals_nothing(visitor: Visitor) -> None:
    await visitor.post("theft")

    assert_problem(await visitor.post("theft/x/renew"), 404, "not_found")
    assert (await visitor.session())["log"] == []


async def test_a_new_start_ends_the_earlier_session(visitor: Visitor) -> None:
    earlier = {name: visitor.http.cookies[name] for name in (TOKEN, HANDLE)}
    await visitor.post("auth/login")
    await visitor.renew()
    visitor.http.cookies.clear()
    visitor.http.cookies.update(earlier)

    assert_problem(await visitor.post("auth/refresh_token"), 401, "session_ended")


async def test_a_log_out_ends_the_session(visitor: Visitor) -> None:
    token = visitor.http.cookies[TOKEN]
    await visitor.post("auth/logout")
    session = await visitor.session()
    assert (session["ended"], TOKEN in visitor.http.cookies) == ("logout", False)

    visitor.http.cookies[TOKEN] = token
    assert_problem(await visitor.post("auth/refresh_token"), 401, "session_ended")


async def test_only_so_many_sessions_are_kept(visitor: Visitor) -> None:
    first = {name: visitor.http.cookies[name] for name in (TOKEN, HANDLE)}
    for _ in range(MAX_SESSIONS):
        visitor.http.cookies.clear()
        await visitor.post("auth/login")
    assert await visitor.session()

    visitor.http.cookies.clear()
    visitor.http.cookies.update(first)
    assert await visitor.session() is None
    assert_problem(await visitor.post("auth/refresh_token"), 401, "session_ended")


async def test_a_session_is_dropped_when_it_has_expired(visitor: Visitor, clock: FakeClock) -> None:
    first = visitor.http.cookies[HANDLE]
    clock.advance(RULES.lifetimes.session)
    visitor.http.cookies.clear()
    await visitor.post("auth/login")
    assert await visitor.session()

    visitor.http.cookies.clear()
    visitor.http.cookies[HANDLE] = first
    assert await visitor.session() is None


@pytest.mark.usefixtures("visitor")
async def test_no_account_is_touched(app: FastAPI) -> None:
    [auth] = installed(app).values()

    async with auth.storage.begin() as tx:
        assert await tx.users.list(limit=10) == []
    assert not [path for path in app.openapi()["paths"] if path.startswith("/demo")]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Tokenpair": "cookie"},
        {"X-Tokenpair": "cookie", "Sec-Fetch-Site": "cross-site"},
        {"X-Tokenpair": "cookie", "Sec-Fetch-Site": "same-site", "Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
    ids=["from nowhere", "cross-site", "same-site", "without the mark"],
)
async def test_other_sites_change_nothing(visitor: Visitor, headers: dict[str, str]) -> None:
    before = await visitor.session()

    for path in UNSAFE:
        answer = await visitor.http.post(f"/demo/{path}", headers=headers)
        assert_problem(answer, 403, "cross_site")

    assert await visitor.session() == before


# Who gets there


@pytest.mark.parametrize(
    ("variables", "is_offered"),
    [
        ({}, True),
        ({"BOOKLY_HOST": "localhost"}, True),
        ({"BOOKLY_HOST": "0.0.0.0"}, False),
        ({"BOOKLY_HOST": "192.0.2.1"}, False),
        ({"TOKENPAIR_BASE_URL": "https://books.example.com"}, False),
        (PRODUCTION, False),
    ],
    ids=["by default", "localhost", "every address", "an address", "a public URL", "production"],
)
async def test_the_demo_is_for_development_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_offered: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app = create_app(BooklySettings.read(), auth=make_auth())

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=ORIGIN, headers=OWN_PAGE
    ) as http:
        answers = [await http.get("/demo"), await http.post("/demo/auth/logout")]
        page = (await http.get("/")).text

    assert [each.status_code for each in answers] == ([200, 204] if is_offered else [404, 404])
    assert ("data-has-demo" in page) == is_offered


def test_several_workers_have_no_demo() -> None:
    assert not is_offered(BooklySettings.read(), in_one_process=False)


@pytest.mark.long
def test_a_server_for_the_network_has_no_demo(tmp_path: Path) -> None:
    with running_bookly(tmp_path, "--host", "0.0.0.0") as bookly:
        assert httpx2.get(f"{bookly.url}/demo").status_code == 404


@pytest.mark.parametrize(
    ("host", "client", "headers"),
    [
        ("192.0.2.1", "192.0.2.9", {"Host": "127.0.0.1"}),
        ("127.0.0.1", "127.0.0.1", {"Host": "books.example.com"}),
        ("127.0.0.1", "127.0.0.1", {"Host": "[::1"}),
        ("127.0.0.1", "127.0.0.1", {"Host": "127.0.0.1", "X-Forwarded-For": "192.0.2.9"}),
        ("127.0.0.1", "192.0.2.9", {"Host": "127.0.0.1"}),
    ],
    ids=["another listener", "another name", "an invalid name", "a proxy", "another client"],
)
async def test_a_listener_that_the_settings_do_not_show_is_not_enough(
    host: str, client: str, headers: dict[str, str], tmp_path: Path
) -> None:
    settings = BooklySettings(
        host="127.0.0.1", port=8000, auth=Settings.read(data_dir=tmp_path / "data")
    )
    app = create_app(settings, auth=make_auth())

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(client, 1)), base_url=f"https://{host}"
    ) as http:
        assert_problem(await http.get("/demo", headers=headers), 404, "not_found")
        assert "data-has-demo" not in (await http.get("/", headers=headers)).text
