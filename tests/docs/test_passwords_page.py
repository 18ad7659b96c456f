"""The page about passwords: its checks find breached passwords, and no password leaves."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI

from tests.docs.reading import HOW_TO, blocks
from tests.passwords import foreign
from tokenpair import Auth
from tokenpair.fastapi import install
from tokenpair.ports import BreachCheck
from tokenpair.testing import CHEAP, PASSWORD

PAGE = HOW_TO / "passwords.md"
BREACHED = "zwei Igel trinken Kaffee"
DIGEST = hashlib.sha1(BREACHED.encode()).hexdigest().upper()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the page's Python in an empty folder; return its names."""
    monkeypatch.chdir(tmp_path)
    main: Any = ModuleType("main")
    main.app, main.auth = FastAPI(), Auth.from_settings()
    install(main.app, main.auth)
    names: dict[str, Any] = vars(main)
    monkeypatch.setitem(sys.modules, "main", main)
    for block in blocks(PAGE, "python"):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


class RangeApi(BaseHTTPRequestHandler):
    """Answers like the API of Have I Been Pwned, with padding."""

    paths: ClassVar[list[str]] = []
    count: ClassVar[int | None] = None

    def do_GET(self) -> None:
        self.paths.append(self.path)
        assert self.headers["Add-Padding"] == "true"
        lines = ["0" * 35 + ":3"]
        if self.path == f"/range/{DIGEST[:5]}":
            lines += [f"{DIGEST[5:]}:{self.count}"]
        body = "\r\n".join(lines).encode()
        self.send_response(200 if self.count is not None else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(count: int | None) -> Iterator[tuple[str, list[str]]]:
    """Start the API; yield its URL, and the paths that were asked for."""
    RangeApi.count = count
    RangeApi.paths.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), RangeApi) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/range/", RangeApi.paths
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("count", "is_breached"), [(7, True), (0, False)], ids=["known", "padding"]
)
async def test_the_range_api_gets_five_digits_of_the_hash(
    page: dict[str, Any], count: int, is_breached: bool
) -> None:
    with serving(count) as (url, paths):
        check: BreachCheck = page["PwnedPasswords"](url)
        answers = [await check.is_breached(each) for each in (BREACHED, PASSWORD)]

    assert answers == [is_breached, False]
    others = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
    assert paths == [f"/range/{DIGEST[:5]}", f"/range/{others[:5]}"]


async def test_a_range_api_that_fails_has_no_result(page: dict[str, Any]) -> None:
    with serving(None) as (url, _), pytest.raises(Exception, match="503"):
        await page["PwnedPasswords"](url).is_breached(PASSWORD)


@pytest.mark.parametrize("number", [1, 2, 3, 100])
async def test_the_offline_list_knows_each_of_its_passwords_and_no_other(
    page: dict[str, Any], tmp_path: Path, number: int
) -> None:
    known = [f"password {each}" for each in range(number)]
    digests = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in known)
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{each}:{len(each) ** index}\n" for index, each in enumerate(digests)))

    check: BreachCheck = page["PwnedPasswordsFile"](path)

    assert all([await check.is_breached(each) for each in known])
    assert not any([await check.is_breached(f"other {each}") for each in range(200)])


async def test_an_empty_offline_list_knows_nothing(page: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "list.txt").touch()

    assert not await page["PwnedPasswordsFile"](tmp_path / "list.txt").is_breached(PASSWORD)


async def test_imported_accounts_keep_their_passwords(
    page: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"email": "ada@example.com", "password": foreign.BCRYPT},
        {"email": "bob@example.com", "password": foreign.WERKZEUG_SCRYPT},
        {"email": "ADA@example.com", "password": foreign.DJANGO_SHA1},
        {"email": "not an address", "password": foreign.DJANGO_SHA1},
        {"email": "eve@example.com", "password": "5f4dcc3b5aa765d61d8327deb882cf99"},
    ]

    await page["import_accounts"](rows)

    auth = page["auth"]
    refused = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert refused == ["ADA@example.com", "not an address", "eve@example.com"]
    async with auth:
        for row in rows[:2]:
            assert await auth.log_in(email=row["email"], password=PASSWORD)


async def test_a_hasher_of_ones_own(page: dict[str, Any]) -> None:
    passwords = page["WithOldHashes"](CHEAP)
    digest = hashlib.sha256(f"salt{PASSWORD}".encode()).hexdigest()

    assert passwords.format_problem(f"old$salt${digest}") is None
    assert passwords.format_problem(digest)
    right = await passwords.verify(PASSWORD, f"old$salt${digest}")
    wrong = await passwords.verify(PASSWORD + "!", f"old$salt${digest}")

    assert right.is_right
    assert (await passwords.verify(PASSWORD, right.new_hash)).is_right
    assert (wrong.is_right, wrong.new_hash) == (False, None)
