"""CORS and cookie mode in Bookly: off for other origins unless the operator lists them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from bookly.app import create_app
from bookly.settings import BooklySettings
from tests.bookly.conftest import API, SignUp, talking_to
from tokenpair import Settings
from tokenpair.errors import ConfigurationError
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import PASSWORD, FakeClock, make_auth

PAGE = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-tokenpair",
}


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> FastAPI:
    auth = Settings.read(data_dir=tmp_path, cookies=True, cors_origins=f"{PAGE}, http://b.test:1")
    app = create_app(
        BooklySettings(host="127.0.0.1", port=8000, auth=auth),
        auth=make_auth(storage=MemoryStorage(), clock=clock, edge=auth.edge),
    )

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("a bug")

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(app) as client:
        yield client


@pytest.mark.parametrize("origin", [PAGE, "http://b.test:1"])
async def test_an_exact_origin_may_call_with_cookies(
    client: httpx2.AsyncClient, origin: str
) -> None:
    answer = await client.options(f"{API}/auth/login", headers=PREFLIGHT | {"Origin": origin})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", ["https://evil.test", f"{PAGE}.evil.test", "null", PAGE.upper()])
async def test_another_origin_may_not(client: httpx2.AsyncClient, origin: str) -> None:
    """V3.4.2."""
    headers = {"Origin": origin}

    preflight = await client.options(f"{API}/auth/login", headers=PREFLIGHT | headers)
    answer = await client.get(f"{API}/books", headers=headers)

    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_an_allowed_page_can_read_every_error(client: httpx2.AsyncClient) -> None:
    headers = {"Origin": PAGE}
    answers = [
        await client.get(f"{API}/books", headers=headers),
        await client.get("/nowhere", headers=headers),
        await client.put(f"{API}/books", headers=headers),
        await client.post(f"{API}/auth/login", content=b"{", headers=headers),
        await client.get("/crash", headers=headers),
    ]

    assert [each.status_code for each in answers] == [401, 404, 405, 422, 500]
    for each in answers:
        assert each.headers["content-type"] == "application/problem+json"
        assert each.headers["access-control-allow-origin"] == PAGE
        exposed = each.headers["access-control-expose-headers"].split(", ")
        assert {"Retry-After", "WWW-Authenticate"} <= set(exposed)


async def test_an_allowed_page_logs_in_with_a_cookie_and_another_does_not(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    await sign_up("ada")
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    asked = {"X-Tokenpair": "cookie"}

    ours, foreign = [
        await client.post(f"{API}/auth/login", json=credentials, headers=asked | {"Origin": origin})
        for origin in (PAGE, "https://evil.test")
    ]

    assert ours.headers["set-cookie"].startswith("__Host-tokenpair=")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site")


async def test_cors_is_off_by_default(tmp_path: Path) -> None:
    settings = BooklySettings(host="127.0.0.1", port=8000, auth=Settings.read(data_dir=tmp_path))
    app = create_app(settings, auth=make_auth())
    async with talking_to(app) as client:
        preflight = await client.options(f"{API}/auth/login", headers=PREFLIGHT | {"Origin": PAGE})

    assert preflight.status_code == 405
    assert not any(name.startswith("access-control") for name in preflight.headers)


def test_bookly_has_cookie_mode_unless_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BooklySettings.read().auth.cookies

    monkeypatch.setenv("TOKENPAIR_COOKIES", "false")

    assert not BooklySettings.read().auth.cookies


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("*", "list each origin"),
        ("https://*.example.com", "list each origin"),
        ("https://app.example.com/", "without a slash"),
        ("https://app.example.com/path", "without a slash"),
        ("https://user@app.example.com", "without a slash"),
        ("app.example.com", "must be origins"),
        ("null", "must be origins"),
        ("//app.example.com", "must be origins"),
        ("https://bücher.example", "punycode"),
        ("https://app.example.com:99999", "ort"),
    ],
)
def test_an_origin_that_is_not_exact_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    """V3.4.2."""
    monkeypatch.setenv("TOKENPAIR_CORS_ORIGINS", f"{PAGE} {value}")

    with pytest.raises(ConfigurationError, match=f"^TOKENPAIR_CORS_ORIGINS: .*{problem}"):
        Settings.read()


def test_origins_are_read_as_browsers_send_them() -> None:
    settings = Settings.read(
        base_url="https://Books.example.com/app/",
        cors_origins="https://App.Example.com:443,\nhttp://[::1]:80 http://b.test:8000 "
        "capacitor://localhost",
    )

    assert settings.allowed_origins == {
        "https://app.example.com",
        "http://[::1]",
        "http://b.test:8000",
        "capacitor://localhost",
    }
    assert settings.edge.origins == settings.allowed_origins | {"https://books.example.com"}
