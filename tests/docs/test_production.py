"""The page about production: its proxy configurations run, and Sentry gets no secret."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.bookly.running import running_bookly
from tests.docs.reading import HOW_TO, blocks
from tests.ports import reserved_port
from tests.tools import program
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair.testing import PASSWORD

PAGE = HOW_TO / "production.md"
AUTH = "/api/v1/auth"
HOST = "books.example.com"

long = pytest.mark.long


def make_certificate(folder: Path) -> None:
    """Write a self-signed certificate for the page's host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / f"{HOST}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{HOST}.key").write_bytes(private)


@contextmanager
def nginx(folder: Path, app_port: int) -> Iterator[str]:
    """Start nginx with the page's configuration, except for ports, paths, timeouts and a rate."""
    make_certificate(folder)
    with reserved_port() as port:
        write_nginx(folder, port, app_port)
        command = [program("nginx"), "-c", f"{folder}/nginx.conf", "-p", str(folder)]
        with running(command, folder, port):
            yield f"https://127.0.0.1:{port}"


def write_nginx(folder: Path, port: int, app_port: int) -> None:
    (site,) = blocks(PAGE, "nginx")
    for shown, own in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl": str(folder),
        "127.0.0.1:8000": f"127.0.0.1:{app_port}",
        "client_header_timeout 10s": "client_header_timeout 3s",
        "client_body_timeout 10s": "client_body_timeout 3s",
        # At 30 a minute, the allowance refills while a slow machine sends the requests.
        "rate=30r/m": "rate=1r/m",
    }.items():
        assert shown in site
        site = site.replace(shown, own)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nuser root;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}\n{site}\n}}\n"
    )


@contextmanager
def caddy(folder: Path, app_port: int) -> Iterator[str]:
    """Start Caddy with the page's configuration, except for ports and timeouts.

    It has no https, which needs a domain, and no admin endpoint, which has a port of its own.
    """
    with reserved_port() as port:
        write_caddy(folder, port, app_port)
        command = [program("caddy"), "run", "--config", str(folder / "Caddyfile")]
        with running(command, folder, port):
            yield f"http://127.0.0.1:{port}"


def write_caddy(folder: Path, port: int, app_port: int) -> None:
    (site,) = blocks(PAGE, "caddyfile")
    for shown, own in {
        f"\n{HOST} {{": f"\nhttp://127.0.0.1:{port} {{",
        "127.0.0.1:8000": f"127.0.0.1:{app_port}",
        "read_header 10s": "read_header 3s",
        "read_body 10s": "read_body 3s",
        "{\n    servers": "{\n    admin off\n    servers",
    }.items():
        assert shown in site
        site = site.replace(shown, own)
    (folder / "Caddyfile").write_text(site)


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    log = folder / "proxy.log"
    own_home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, env=os.environ | own_home, stdout=errors, stderr=errors
        ) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or is_open(port))
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PROXIES: dict[str, Callable[..., Any]] = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module")
def app_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Bookly that trusts one proxy, as the page says."""
    # The page shows the line twice.
    (hops,) = set(
        re.findall(r"^export (TOKENPAIR_TRUSTED_PROXY_HOPS)=(\d)$", PAGE.read_text(), re.MULTILINE)
    )
    folder = tmp_path_factory.mktemp("bookly")
    settings = [hops, ("TOKENPAIR_CORS_ORIGINS", f"https://{HOST}")]
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings))
    with running_bookly(folder) as bookly:
        yield int(bookly.url.rpartition(":")[2])


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest, app_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with PROXIES[request.param](tmp_path_factory.mktemp(request.param), app_port) as url:
        yield url


@pytest.fixture
def client(proxy: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=proxy, verify=False) as client:
        yield client


sent_by_a_page = pytest.mark.parametrize(
    "proof", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": f"https://{HOST}"}], ids=str
)


def log_in_eve(client: httpx2.Client, headers: dict[str, str]) -> httpx2.Response:
    eve = {"email": "eve@example.com", "password": PASSWORD}
    client.post(f"{AUTH}/signup", json=eve)
    answer = client.post(f"{AUTH}/login", json=eve, headers=headers)
    client.cookies.clear()  # The tests tell each request which cookie it has.
    return answer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@long
def test_log_in_renewal_and_a_protected_request_pass_through(client: httpx2.Client) -> None:
    ada = {"email": "ada@example.com", "password": PASSWORD}
    client.post(f"{AUTH}/signup", json=ada)

    pair = client.post(f"{AUTH}/login", json=ada).json()
    renewed = client.post(f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"])).json()
    books = client.get("/api/v1/books", headers=bearer(renewed["access_token"]))

    assert (books.status_code, books.json()) == (200, {"items": [], "next": None})


@long
@sent_by_a_page
def test_the_cookie_of_a_page_passes_through(client: httpx2.Client, proof: dict[str, str]) -> None:
    headers = proof | {"X-Tokenpair": "cookie"}

    logged_in = log_in_eve(client, headers)
    cookie, _, attributes = logged_in.headers["set-cookie"].partition("; Max-Age=")
    renewed = client.post(f"{AUTH}/refresh_token", headers=headers | {"Cookie": cookie})
    logged_out = client.post(f"{AUTH}/logout", headers=headers | {"Cookie": cookie})

    assert "refresh_token" not in logged_in.json()
    assert attributes.endswith("; Path=/; Secure; HttpOnly; SameSite=Strict")
    assert renewed.json().keys() == logged_in.json().keys()
    assert logged_out.headers["set-cookie"].startswith("__Host-tokenpair=; Max-Age=0;")


@long
@sent_by_a_page
def test_the_cookie_is_refused_without_proof_that_a_page_sent_it(
    client: httpx2.Client, proof: dict[str, str]
) -> None:
    mark = {"X-Tokenpair": "cookie"}
    logged_in = log_in_eve(client, proof | mark)
    cookie = mark | {"Cookie": logged_in.headers["set-cookie"].partition(";")[0]}

    without = client.post(f"{AUTH}/refresh_token", headers=cookie)

    assert (without.status_code, without.json()["code"]) == (403, "cross_site")
    assert client.post(f"{AUTH}/refresh_token", headers=cookie | proof).status_code == 200


PASSED_ON = ("cache-control", "content-security-policy", "content-encoding", "content-type", "vary")


@long
def test_pages_and_files_pass_through_unchanged_and_the_api_is_not_compressed(
    client: httpx2.Client, app_port: int
) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{app_port}") as direct:
        (script,) = re.findall(r'<script type="module" src="([^"]+)"', direct.get("/login").text)
        for path in ("/login", script, f"{AUTH}/me"):
            expected, answer = direct.get(path), client.get(path)
            for name in PASSED_ON:
                assert answer.headers.get(name) == expected.headers.get(name), (path, name)

    files, api = client.get(script).headers, client.get(f"{AUTH}/me").headers
    assert (files["content-encoding"], "immutable" in files["cache-control"]) == ("gzip", True)
    assert ("content-encoding" in api, api["cache-control"]) == (False, "no-store")


@long
def test_the_app_sees_the_clients_address_and_no_forged_one(proxy: str) -> None:
    bob = {"email": "bob@example.com", "password": PASSWORD}
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}
    # Another address than the proxy's.
    transport = httpx2.HTTPTransport(verify=False, local_address="127.0.0.2")
    with httpx2.Client(base_url=proxy, transport=transport) as client:
        client.post(f"{AUTH}/signup", json=bob)
        pair = client.post(f"{AUTH}/login", json=bob, headers=forged).json()

        sessions = client.get(f"{AUTH}/sessions", headers=bearer(pair["access_token"])).json()

    assert {each["ip"] for each in sessions} == {"127.0.0.2"}


@long
@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/metrics/", "/health/live", "/health/ready", "//metrics", "/%6detrics"),
        *("/docs/../metrics", "/health", "/metrics?x=1", "/./metrics"),
    ],
)
def test_metrics_and_health_stay_inside(client: httpx2.Client, proxy: str, path: str) -> None:
    # Send the path unchanged: an HTTP client would remove the dots.
    answer = client.request("GET", proxy, extensions={"target": path.encode()})

    assert answer.status_code == 404
    assert "tokenpair_" not in answer.text
    assert '"status":"ok"' not in answer.text


@long
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
    ],
    ids=["head", "body"],
)
def test_a_half_sent_request_is_closed(proxy: str, data: bytes) -> None:
    address = httpx2.URL(proxy)
    connection = socket.create_connection((address.host, address.port or 0), timeout=LIMIT_SECONDS)
    if address.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    with closing(connection):
        connection.sendall(data)
        while connection.recv(65536):
            pass


@long
def test_a_large_body_is_refused(client: httpx2.Client) -> None:
    answer = client.post(f"{AUTH}/login", content=b"x" * 100_000)

    assert answer.status_code == 413


@long
def test_nginx_limits_how_often_one_client_asks(app_port: int, tmp_path: Path) -> None:
    with (
        nginx(tmp_path, app_port) as url,
        httpx2.Client(base_url=url, verify=False) as client,
    ):
        # An invalid body, which the app refuses without comparing a password.
        statuses = [client.post(f"{AUTH}/login", json={}).status_code for _ in range(40)]

        assert statuses[:20] == [422] * 20
        assert 429 in statuses[20:]


CRASH = """
import json, os
import sentry_sdk
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

events = []
dsn = "https://key@sentry.invalid/1"

class Kept(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        events.extend(item.payload.json for item in envelope.items)

{init}
app = FastAPI()

@app.post("/crash")
async def crash(request: Request) -> None:
    password = (await request.json())["password"]
    token = request.headers["Authorization"]
    raise RuntimeError(f"{{len(password + token)}} characters")

canary = os.environ["CANARY"]
client = TestClient(app, raise_server_exceptions=False)
client.post("/crash", json={{"password": canary}}, headers={{"Authorization": canary}})
sentry_sdk.flush()
print(json.dumps(events))
"""


def test_sentry_is_sent_the_error_and_no_secret() -> None:
    (init,) = re.findall(r"`(sentry_sdk\.init\(.*?\))`", PAGE.read_text())
    script = CRASH.format(init=init.removesuffix(")") + ", transport=Kept)")

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"CANARY": "Bearer 7f3a9c51"},
        capture_output=True,
        text=True,
        check=True,
    )

    events = json.loads(done.stdout)
    assert any("characters" in json.dumps(event) for event in events)
    assert "7f3a9c51" not in done.stdout
