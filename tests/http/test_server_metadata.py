"""Verifiers that know only the issuer find its keys (RFC 8414)."""

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware

from tests.http.conftest import talking_to
from tokenpair import Auth, Key, Keyring
from tokenpair.fastapi import AccessTokenMiddleware, install
from tokenpair.stores.memory import MemoryStorage

PATH = "/.well-known/oauth-authorization-server"


def app_of(*issuers: str, middleware: bool = False) -> FastAPI:
    app = FastAPI(middleware=[Middleware(AccessTokenMiddleware)] if middleware else [])
    for number, issuer in enumerate(issuers):
        auth = Auth(storage=MemoryStorage(), keyring=Keyring([Key.generate()]), issuer=issuer)
        install(app, auth, prefix=f"/{number}")
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
async def test_the_metadata_lead_to_the_keys(path: str, method: str) -> None:
    async with talking_to(app_of("https://auth.test")) as client:
        answer = await client.request(method, path)
        keys = await client.request(method, "/.well-known/jwks.json")

    assert (answer.status_code, keys.status_code) == (200, 200)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    if method == "GET":
        assert answer.json() == {
            "issuer": "https://auth.test",
            "jwks_uri": "https://auth.test/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": [],
        }


@pytest.mark.parametrize(
    "issuer",
    ["bookly", "urn:example:bookly", "https://", "https://auth.test?a=1", "https://auth.test#a"],
)
async def test_an_issuer_that_is_not_a_url_has_no_metadata(issuer: str) -> None:
    async with talking_to(app_of(issuer)) as client:
        answer = await client.get(PATH)

    assert answer.status_code == 404


@pytest.mark.parametrize("issuer", ["https://auth.test/tenant/a", "https://auth.test/tenant/a/"])
@pytest.mark.parametrize("middleware", [False, True])
async def test_an_issuers_path_is_appended(issuer: str, middleware: bool) -> None:
    async with talking_to(app_of(issuer, middleware=middleware)) as client:
        answer = await client.get(f"{PATH}/tenant/a")
        elsewhere = await client.get(PATH)
        head = await client.head(f"{PATH}/tenant/a")

    assert answer.json()["issuer"] == issuer
    assert answer.json()["jwks_uri"] == "https://auth.test/.well-known/jwks.json"
    assert elsewhere.status_code == (401 if middleware else 404)
    assert head.status_code == 200


@pytest.mark.parametrize("path", ["/tenant", "/tenant/b", "tenant/a", "/tenant/a/b", "//tenant/a"])
async def test_another_path_is_not_found(path: str) -> None:
    async with talking_to(app_of("https://auth.test/tenant/a")) as client:
        assert (await client.get(PATH + path)).status_code == 404


async def test_each_of_several_issuers_is_found() -> None:
    app = app_of("https://auth.test/a", "https://other.test", "https://auth.test", "staff")
    async with talking_to(app) as client:
        by_path = await client.get(f"{PATH}/a")
        by_host = await client.get(PATH)
        by_other_host = await client.get(PATH, headers={"Host": "other.test"})
        by_no_host_of_ours = await client.get(PATH, headers={"Host": "evil.test"})

    found = [each.json()["issuer"] for each in (by_path, by_host, by_other_host)]
    assert found == ["https://auth.test/a", "https://auth.test", "https://other.test"]
    assert "evil" not in by_no_host_of_ours.text


async def test_the_keys_of_a_mounted_app_are_below_its_mount() -> None:
    app = FastAPI()
    app.mount("/api", app_of("https://auth.test"))

    async with talking_to(app) as client:
        answer = await client.get(f"/api{PATH}")
        keys = await client.get(answer.json()["jwks_uri"])

    assert answer.json()["jwks_uri"] == "https://auth.test/api/.well-known/jwks.json"
    assert keys.status_code == 200


async def test_without_the_keys_nothing_leads_to_them() -> None:
    app = FastAPI()
    auth = Auth(storage=MemoryStorage(), keyring=Keyring([Key.generate()]), issuer="https://a.test")
    install(app, auth, without={"jwks"})

    async with talking_to(app) as client:
        assert (await client.get(PATH)).status_code == 404
