import re
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

import bookly
from bookly.web.assets import Assets

DOCS = "/api/v1/docs"
OURS = ["docs.js", "docs.css"]
VENDORED = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "LICENSE", "NOTICE"]
WEB = Path(bookly.__file__).parent / "web"


def policy_of(answer: httpx2.Response) -> dict[str, str]:
    rules = answer.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (rule.partition(" ") for rule in rules)}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/"])
async def test_the_usual_places_of_the_docs_lead_to_them(
    client: httpx2.AsyncClient, path: str, method: str
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["Location"]) == (303, DOCS)


async def test_where_a_tool_looks_for_the_document_leads_to_it(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/openapi.json", follow_redirects=True)

    assert answer.url.path == "/api/v1/openapi.json"
    assert answer.json()["info"]["title"] == "Bookly"


PROBED = [
    *("/health/live", "/health/ready", "/metrics", "/.well-known/jwks.json", DOCS),
    *("/.well-known/oauth-authorization-server", "/api/v1/openapi.json"),
]


@pytest.mark.parametrize("path", PROBED)
async def test_head_answers_as_get(client: httpx2.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)

    assert head.status_code == get.status_code == 200
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.headers.get("Cache-Control") == get.headers.get("Cache-Control")


def test_redirects_metrics_and_head_are_not_described(app: FastAPI) -> None:
    paths = app.openapi()["paths"]

    assert not {"/", "/docs", "/redoc", "/openapi.json", "/metrics"} & paths.keys()
    assert not [path for path, operations in paths.items() if "head" in operations]


@pytest.mark.parametrize("path", [DOCS, f"{DOCS}/"])
async def test_the_page_is_there(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-cache"


async def assets_of(client: httpx2.AsyncClient) -> str:
    """Return the path of the page's files: the page alone knows their version."""
    page = (await client.get(DOCS)).text
    (path,) = set(re.findall(rf'"({DOCS}/assets/[0-9a-f]{{16}})/', page))
    return str(path)


async def test_what_the_page_names_is_there_and_may_be_kept_for_a_year(
    client: httpx2.AsyncClient,
) -> None:
    page = (await client.get(DOCS)).text
    named = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)
    named += re.findall(r'data-client="([^"]+)"', page)

    assert len(named) >= 5
    for path in named:
        assert path.startswith((f"{DOCS}/assets/", "/tokenpair/"))
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", [*OURS, *(f"swagger-ui/{name}" for name in VENDORED)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_file_is_there(client: httpx2.AsyncClient, path: str, method: str) -> None:
    answer = await client.request(method, f"{await assets_of(client)}/{path}")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["docs.js", "swagger-ui/swagger-ui-bundle.js", "swagger-ui/swagger-ui.css"],
)
@pytest.mark.parametrize("offer", ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br"])
async def test_scripts_and_styles_are_compressed(
    client: httpx2.AsyncClient, path: str, offer: str
) -> None:
    url = f"{await assets_of(client)}/{path}"
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})

    answer = await client.get(url, headers={"Accept-Encoding": offer})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == plain.content
    assert int(answer.headers["Content-Length"]) < 0.6 * len(plain.content)
    assert answer.headers["Content-Type"] == plain.headers["Content-Type"]
    assert answer.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("offer", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip"])
async def test_a_client_that_does_not_accept_gzip_gets_no_gzip(
    client: httpx2.AsyncClient, offer: str
) -> None:
    url = f"{await assets_of(client)}/docs.js"

    answer = await client.get(url, headers={"Accept-Encoding": offer})

    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_a_changed_file_changes_the_version(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    before = Assets({"": tmp_path}).version
    assert Assets({"": tmp_path}).version == before

    (tmp_path / "a.js").write_text("2")

    assert Assets({"": tmp_path}).version != before


async def test_a_file_of_another_version_is_not_there(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{DOCS}/assets/0123456789abcdef/docs.js")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["docs.js", "swagger-ui/swagger-ui.css"])
async def test_another_method_gets_405_with_allow(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.post(f"{await assets_of(client)}/{path}")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["nothing.js", "../api_docs.py", "..%2fapi_docs.py", "swagger-ui/..%2f..%2f__init__.py"]
)
async def test_no_other_file_is_there(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(f"{await assets_of(client)}/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["page.html", *OURS])
def test_ours_names_no_other_host(name: str) -> None:
    assert not re.search(r"(?:https?|wss?):|[\"'(]//", (WEB / "docs" / name).read_text())


def test_the_vendored_style_sheet_loads_nothing_from_another_host() -> None:
    style = (WEB / "vendor" / "swagger-ui" / "swagger-ui.css").read_text()

    # Browsers never fetch the XML namespaces in the SVGs of data: URLs.
    assert not re.search(r"url\((?![\"']?data:)", style)
    assert "@import" not in style


async def test_the_page_runs_scripts_and_asks_for_data_of_this_host_only(
    client: httpx2.AsyncClient,
) -> None:
    policy = policy_of(await client.get(DOCS))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert not any("http" in sources or "*" in sources for sources in policy.values())


async def test_the_page_has_no_inline_script(client: httpx2.AsyncClient) -> None:
    page = (await client.get(DOCS)).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son\w+=", page)


def test_our_scripts_use_no_storage_and_no_cookie() -> None:
    scripts = [(WEB / "docs" / name).read_text() for name in OURS if name.endswith(".js")]

    assert not any(
        re.search(r"localStorage|sessionStorage|document\.cookie", script) for script in scripts
    )


async def test_every_input_has_a_label(client: httpx2.AsyncClient) -> None:
    page = (await client.get(DOCS)).text
    inputs = set(re.findall(r'<input id="(\w+)"', page))

    assert inputs == set(re.findall(r'<label for="(\w+)"', page)) == {"email", "password"}


async def test_openapi_shows_both_tokens_and_the_problems(client: httpx2.AsyncClient) -> None:
    spec = (await client.get("/api/v1/openapi.json")).json()
    add_book = spec["paths"]["/api/v1/books"]["post"]

    schemes = spec["components"]["securitySchemes"]
    assert schemes.keys() == {"AccessTokenBearer", "RefreshTokenBearer", "RefreshTokenCookie"}
    assert add_book["security"] == [{"AccessTokenBearer": []}]
    for status in ("401", "413", "422", "503"):
        assert "application/problem+json" in add_book["responses"][status]["content"]


@pytest.mark.parametrize("path", ["/api/v1/redoc", "/docs/oauth2-redirect"])
async def test_the_frameworks_own_pages_are_off(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
