"""The client for browsers, served by an app that has the library."""

import gzip
from collections.abc import AsyncIterator
from importlib.resources import files

import httpx2
import pytest
from fastapi import FastAPI

from tokenpair.fastapi import AccessTokenMiddleware, browser_client, install
from tokenpair.testing import make_auth

SOURCE = (files("tokenpair.fastapi") / "static" / "tokenpair.js").read_bytes()
LATEST = "/tokenpair/latest/tokenpair.js"


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    install(app, make_auth())
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_browser_keeps_the_hashed_path_for_a_year(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    url = browser_client(app)

    answer = await client.get(url)

    assert answer.content == SOURCE
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_any_other_version_is_the_current_file_and_is_asked_for_each_time(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    url = browser_client(app)

    answer = await client.get(LATEST)
    known = await client.get(LATEST, headers={"If-None-Match": f'"x", {answer.headers["etag"]}'})
    changed = await client.get(LATEST, headers={"If-None-Match": '"x"'})

    assert (answer.content, answer.headers["cache-control"]) == (SOURCE, "no-cache")
    assert answer.headers["etag"].strip('W/"') in url
    assert (known.status_code, known.content, changed.status_code) == (304, b"", 200)
    assert known.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False)],
)
async def test_it_is_compressed_for_clients_that_accept_gzip(
    app: FastAPI, client: httpx2.AsyncClient, accepted: str, is_compressed: bool
) -> None:
    url = browser_client(app)

    async with client.stream("GET", url, headers={"Accept-Encoding": accepted}) as answer:
        body = b"".join([each async for each in answer.aiter_raw()])

    assert answer.headers.get("content-encoding") == ("gzip" if is_compressed else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (gzip.decompress(body) if is_compressed else body) == SOURCE
    assert int(answer.headers["content-length"]) == len(body)


async def test_head_has_the_headers_of_get_and_other_methods_are_refused(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    url = browser_client(app)

    head, get, post = [await client.request(method, url) for method in ("HEAD", "GET", "POST")]

    assert (head.status_code, dict(head.headers)) == (200, dict(get.headers))
    assert (post.status_code, post.json()["code"]) == (405, "method_not_allowed")


async def test_templates_may_ask_for_the_path_as_often_as_they_like(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    urls = {browser_client(app, path="/js"), browser_client(app), browser_client(app)}

    (url,) = urls
    assert url.startswith("/js/")
    assert (await client.get(url)).status_code == 200
    assert url not in app.openapi()["paths"]


async def test_an_app_that_requires_tokens_everywhere_can_make_it_public(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    app.add_middleware(AccessTokenMiddleware, public=["/tokenpair/*"])

    assert (await client.get(browser_client(app))).status_code == 200


def test_it_is_small() -> None:
    assert len(gzip.compress(SOURCE)) < 6_000
