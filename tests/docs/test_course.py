"""The page about the course: its steps move such an app, and no data is lost."""

import ast
import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from playwright.sync_api import expect

from tests.bookly.browsing import MILLISECONDS, chromium
from tests.docs.reading import HOW_TO, ROOT, after, before, blocks
from tests.docs.shell import Shell
from tests.ports import reserved_port
from tests.valkey import valkey
from tests.waiting import LIMIT_SECONDS

PAGE = HOW_TO / "course.md"
APP = ROOT / "tests/course/app"
AUTH = "/api/v1/auth"
BASE_URL = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery staple"
NEW = "zwei Igel trinken Kaffee"
BOOK = {
    "title": "Notes",
    "author": "Ada Lovelace",
    "published_date": "1843-09-01",
    "page_count": 66,
}

# The functions and classes that the page says to delete, by file.
DELETED = {
    "src/auth/routes.py": [
        "verify_user_account",
        "password_reset_request",
        "reset_account_password",
    ],
    "src/auth/schemas.py": ["PasswordResetRequestModel", "PasswordResetConfirmModel"],
}
DELETED_FILES = ["src/auth/service.py", "src/auth/utils.py", "src/db/redis.py"]

Json = dict[str, Any]

expect.set_options(timeout=MILLISECONDS)


class CourseApp:
    """The app in a folder of its own, with its settings, its database and its server."""

    def __init__(self, folder: Path, url: str, redis_url: str) -> None:
        self.folder, self.url = folder, url
        shutil.copytree(APP, folder, dirs_exist_ok=True)
        settings = {
            "DATABASE_URL": url.replace("postgresql:", "postgresql+asyncpg:"),
            "JWT_SECRET": "f0c5" * 16,
            "JWT_ALGORITHM": "HS256",
            "REDIS_URL": redis_url,
            "DOMAIN": "books.test",
        }
        (folder / ".env").write_text(
            "".join(f"{name}={value}\n" for name, value in settings.items())
        )
        self.shell = Shell(folder)
        self.shell.run('alembic revision --autogenerate -m "first"\nalembic upgrade head\n')

    @contextmanager
    def running(self) -> Iterator[httpx2.Client]:
        """Start it by uvicorn's own command; stop it at the end."""
        log = self.folder / "log.txt"
        command = [sys.executable, "-m", "uvicorn", "src:app", "--port"]
        with (
            reserved_port() as port,
            log.open("w") as errors,
            subprocess.Popen(
                [*command, str(port)], cwd=self.folder, stderr=errors, stdout=errors
            ) as process,
            httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            try:
                wait_for(client, process, log)
                yield client
            finally:
                process.terminate()
        assert "Traceback" not in log.read_text(), log.read_text()

    def mailed_link(self, name: str, kind: str) -> str:
        """Return the link of this kind in the last mail to a user; wait for the mail."""
        mails = self.folder / "mails.jsonl"
        for _ in range(10 * LIMIT_SECONDS):
            lines = mails.read_text().splitlines() if mails.exists() else []
            for mail in map(json.loads, reversed(lines)):
                links = re.findall(rf"http://\S+/{kind}\S+", mail["body"])
                if mail["recipients"] == [person(name)["email"]] and links:
                    return str(links[0])
            time.sleep(0.1)
        raise AssertionError(f"no mail with a link to {kind}")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read from its database."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def move(self) -> None:
        """Follow the page from top to bottom."""
        for name, is_new, diff in steps():
            path = self.folder / name
            assert path.exists() is not bool(is_new)
            text = "" if is_new else path.read_text()
            path.write_text(applied(diff, to=text, name=name))
        for name, names in DELETED.items():
            path = self.folder / name
            path.write_text(without_definitions(path.read_text(), names))
        for name in DELETED_FILES:
            (self.folder / name).unlink()
        self._unpin()
        _, exports, commands, bring = blocks(PAGE, "sh")
        settings = exports.replace("postgresql://user:password@host/name", self.url)
        with (self.folder / ".env").open("a") as env:
            env.write(settings.replace("export ", ""))
        self.shell.run(commands)
        self.shell.run(bring)

    def _unpin(self) -> None:
        unpin, install, freeze = blocks(PAGE, "sh")[0].splitlines()
        (self.folder / "requirements.txt").write_text("fastapi==0.111.0\nsqlmodel==0.0.18\n")
        self.shell.run(unpin)
        assert (self.folder / "requirements.in").read_text() == "fastapi\nsqlmodel==0.0.18\n"
        # The test's environment already has what they would install.
        assert install.endswith('-r requirements.in packaging "tokenpair[bcrypt,postgres,server]"')
        assert freeze == "pip freeze > requirements.txt"


def wait_for(client: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(10 * LIMIT_SECONDS):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx2.TransportError):
            client.get("/openapi.json")
            return
        time.sleep(0.1)
    raise AssertionError(f"the app did not start:\n{log.read_text()}")


def steps() -> list[tuple[str, str, str]]:
    """Return each file that the page changes or adds, with its diff."""
    return re.findall(
        r"^#### `(.*?)`( \(new\))?\n+```diff\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )


def applied(diff: str, *, to: str, name: str) -> str:
    """Apply a diff with "@@" lines between its hunks; each hunk must fit the file exactly."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        assert before(hunk) in to, f"{name} has no such lines:\n{before(hunk)}"
        to = to.replace(before(hunk), after(hunk))
    return to


def without_definitions(source: str, names: list[str]) -> str:
    """Delete functions, decorators included, by their names."""
    lines = source.splitlines(keepends=True)
    found = [node for node in ast.parse(source).body if getattr(node, "name", None) in names]
    assert {node.name for node in found if hasattr(node, "name")} == set(names)
    for node in reversed(found):
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)])
        del lines[first - 1 : node.end_lineno]
    return "".join(lines)


@pytest.fixture
def course_app(tmp_path: Path, postgres_url: str) -> Iterator[CourseApp]:
    with valkey() as server:
        yield CourseApp(tmp_path, postgres_url, server.url.replace("valkey:", "redis:"))


def person(name: str) -> Json:
    return {
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "username": name,
        "first_name": name.title(),
        "last_name": "Reader",
    }


def token_in(link: str) -> str:
    return link.partition("#token=")[2]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def joined(client: httpx2.Client, app: CourseApp, name: str) -> Json:
    """Sign up, follow the link in the mail, log in; return the answer of the log-in."""
    assert client.post(f"{AUTH}/signup", json=person(name)).status_code == 201
    link = app.mailed_link(name, "verify")
    if "#" not in link:
        verified = client.get(link.removeprefix("http://books.test"))
        assert verified.json() == {"message": "Account verified successfully"}
    else:
        assert client.get(link.partition("#")[0].removeprefix(BASE_URL)).status_code == 200
        verified = client.post(f"{AUTH}/email/verify", json={"token": token_in(link)})
        assert verified.status_code == 204
    answer = client.post(f"{AUTH}/login", json=person(name))
    assert answer.status_code == 200, answer.text
    login: Json = answer.json()
    return login


def walk(client: httpx2.Client, app: CourseApp, name: str) -> None:
    """What the course's client does, before and after the move."""
    login = joined(client, app, name)
    headers = bearer(login["access_token"])

    assert login["message"] == "Login successful"
    assert login["user"]["email"] == person(name)["email"]
    made = client.post("/api/v1/books/", json=BOOK, headers=headers)
    assert (made.status_code, made.json()["user_uid"]) == (201, login["user"]["uid"])
    me = client.get(f"{AUTH}/me", headers=headers).json()
    assert (me["uid"], me["username"]) == (login["user"]["uid"], name)
    assert [book["title"] for book in me["books"]] == ["Notes"]
    assert "password_hash" not in me
    renewed = client.get(f"{AUTH}/refresh_token", headers=bearer(login["refresh_token"])).json()
    headers = bearer(renewed["access_token"])
    assert client.get("/api/v1/books/", headers=headers).status_code == 200
    assert client.get(f"{AUTH}/logout", headers=headers).json() == {
        "message": "Logged Out Successfully"
    }
    assert client.get("/api/v1/books/", headers=headers).status_code == 401


def errors(client: httpx2.Client, app: CourseApp, name: str) -> list[tuple[int, str]]:
    """Return the refusals that the app answers in its own form."""
    login = joined(client, app, name)
    access, refresh = bearer(login["access_token"]), bearer(login["refresh_token"])
    wrong = person(name) | {"password": "wrong horse battery staple"}
    answers = [
        client.post(f"{AUTH}/signup", json=person(name)),
        client.post(f"{AUTH}/login", json=wrong),
        client.get("/api/v1/books/", headers=refresh),
        client.get("/api/v1/books/", headers=bearer("garbage")),
        client.get(f"/api/v1/books/user/{login['user']['uid']}", headers=access),
    ]
    return [(answer.status_code, answer.json()["error_code"]) for answer in answers]


FORM = [
    (403, "user_exists"),
    (400, "invalid_email_or_password"),
    (401, "access_token_required"),
    (401, "invalid_token"),
    (401, "insufficient_permissions"),
]


@pytest.mark.long
def test_the_pages_steps_move_an_app_and_lose_nothing(course_app: CourseApp) -> None:
    with course_app.running() as client:
        walk(client, course_app, "early")
        assert errors(client, course_app, "early2") == FORM
    rows = course_app.query("SELECT uid, email, password_hash FROM users ORDER BY email")
    books = course_app.query("SELECT uid, user_uid FROM books")

    course_app.move()

    with course_app.running() as client:
        kept(client, "early")
        walk(client, course_app, "late")
        assert errors(client, course_app, "late2") == FORM
        changed(client, course_app)
        reset(client, course_app, "early2")
        in_a_browser(client, course_app, "late5")
    old = "SELECT uid, email, password_hash FROM users WHERE email LIKE 'early%' ORDER BY email"
    assert course_app.query(old) == rows
    assert set(books) <= set(course_app.query("SELECT uid, user_uid FROM books"))
    assert course_app.query("SELECT count(*) FROM users WHERE password_hash IS NULL") == [(3,)]
    hashes = course_app.query(
        "SELECT email, left(password_hash, 4) FROM tokenpair_user WHERE email LIKE 'early%'"
    )
    assert dict(hashes) == {"early@example.com": "$arg", "early2@example.com": "$arg"}
    checked = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=course_app.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No new upgrade operations detected" in checked.stdout, checked.stdout + checked.stderr


def kept(client: httpx2.Client, name: str) -> None:
    """A user from before logs in with the same password, and has the same books."""
    wrong = person(name) | {"password": "wrong horse battery staple"}
    assert client.post(f"{AUTH}/login", json=wrong).status_code == 400
    login = client.post(f"{AUTH}/login", json=person(name)).json()
    me = client.get(f"{AUTH}/me", headers=bearer(login["access_token"])).json()

    assert (me["uid"], me["username"], me["is_verified"]) == (login["user"]["uid"], name, True)
    assert [book["title"] for book in me["books"]] == ["Notes"]


def changed(client: httpx2.Client, app: CourseApp) -> None:
    """See the page's table of what differs afterwards."""
    login = joined(client, app, "late3")
    access, refresh = bearer(login["access_token"]), bearer(login["refresh_token"])

    assert client.get("/api/v1/books/").status_code == 401
    weak = client.post(f"{AUTH}/signup", json=person("weak") | {"password": "secret"})
    assert weak.status_code == 422
    upper = person("LATE3")
    assert client.post(f"{AUTH}/signup", json=upper).status_code == 403
    wrong = client.get(f"{AUTH}/refresh_token", headers=access)
    assert (wrong.status_code, wrong.json()["detail"]) == (
        401,
        "Please provide a valid refresh token",
    )
    renewed = client.get(f"{AUTH}/refresh_token", headers=refresh).json()
    assert renewed.keys() >= {"access_token", "refresh_token"}
    assert len(client.get(f"{AUTH}/sessions", headers=access).json()) == 1
    client.get(f"{AUTH}/logout", headers=access)
    assert client.get(f"{AUTH}/refresh_token", headers=refresh).status_code == 401
    deleted(client, app, "late3")


def reset(client: httpx2.Client, app: CourseApp, name: str) -> None:
    """A user from before the move has forgotten the password."""
    assert client.post(f"{AUTH}/password/forgot", json=person(name)).status_code == 422
    email = person(name)["email"]
    assert client.post(f"{AUTH}/password/forgot", json={"email": email}).status_code == 202
    body = {"token": token_in(app.mailed_link(name, "reset")), "new_password": NEW}

    assert client.post(f"{AUTH}/password/reset", json=body).status_code == 204

    new = {"email": email, "password": NEW}
    assert client.post(f"{AUTH}/login", json=new).status_code == 200
    assert client.post(f"{AUTH}/login", json=person(name)).status_code == 400


def in_a_browser(client: httpx2.Client, app: CourseApp, name: str) -> None:
    """The page's own front end verifies an address, and resets a password."""
    client.post(f"{AUTH}/signup", json=person(name))
    links = [app.mailed_link(name, "verify")]
    client.post(f"{AUTH}/password/forgot", json={"email": person(name)["email"]})
    links.append(app.mailed_link(name, "reset"))
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        for link in links:
            page.goto(link.replace(BASE_URL, str(client.base_url).rstrip("/")))
            if "/reset" in link:
                page.fill("input", "short")
                page.click("button")
                expect(page.locator("p")).to_contain_text("is shorter than")
                page.fill("input", NEW)
            page.click("button")
            expect(page.locator("p")).to_have_text("Done.")
        page.reload()
        page.fill("input", NEW)
        page.click("button")
        expect(page.locator("p")).to_contain_text("link")

    login = client.post(f"{AUTH}/login", json=person(name) | {"password": NEW})
    access = bearer(login.json()["access_token"])
    assert client.get(f"{AUTH}/me", headers=access).json()["is_verified"] is True


def deleted(client: httpx2.Client, app: CourseApp, name: str) -> None:
    """A user who leaves takes the row and the books along."""
    access = bearer(client.post(f"{AUTH}/login", json=person(name)).json()["access_token"])
    made = client.post("/api/v1/books/", json=BOOK, headers=access).json()
    body = {"password": PASSWORD}

    answer = client.request("DELETE", f"{AUTH}/me", json=body, headers=access)

    assert answer.status_code == 204
    assert app.query(f"SELECT 1 FROM users WHERE email = '{person(name)['email']}'") == []
    assert app.query(f"SELECT 1 FROM books WHERE uid = '{made['uid']}'") == []


def test_the_versions_that_the_page_asks_for_are_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["postgres"], *extras["server"]]
    floors = dict(re.findall(r"^([\w-]+)(?:\[.*?\])?>=([\w.]+)", "\n".join(asked), re.MULTILINE))

    rows = re.findall(r"^\| `([\w-]+)` \| [\d.]+ \| ([\d.]+) \|$", PAGE.read_text(), re.MULTILINE)

    assert rows
    assert dict(rows) == {name: floors[name] for name, _ in rows}


def test_the_page_counts_its_files() -> None:
    new = sum(bool(is_new) for _, is_new, _ in steps())
    files = {name for name, is_new, _ in steps() if not is_new}

    counted = f"{len(files)} files change, {new} are new, and {len(DELETED_FILES)} are deleted."
    assert counted in PAGE.read_text()


def test_the_page_names_what_the_move_deletes() -> None:
    text = PAGE.read_text()

    assert all(f"`{name}`" in text for names in DELETED.values() for name in names)
    assert "Delete `src/auth/service.py` and `src/auth/utils.py`" in text
    assert "Delete `src/db/redis.py`" in text
