"""A request that cannot be checked is refused."""

import ast
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

import tokenpair
from tests.http.conftest import bearer, talking_to, told
from tokenpair import TokenPair
from tokenpair.core.sessions.rule import SessionState
from tokenpair.fastapi import install
from tokenpair.options import MailOptions
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import a_user, login_as, make_auth


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/auth/me", "access_token"),
        ("GET", "/auth/sessions", "access_token"),
        ("POST", "/auth/refresh_token", "refresh_token"),
        ("POST", "/auth/logout", "access_token"),
    ],
)
async def test_with_a_broken_database_nothing_is_let_through(
    tmp_path: Path, method: str, path: str, kind: str
) -> None:
    """W6."""
    file = tmp_path / "test.db"
    storage = SqlStorage.from_url(f"sqlite:///{file}")
    # Without mails: a delivery would use a connection while the storage is closed below it.
    auth = make_auth(storage=storage, mail_options=MailOptions(is_on=False))
    await auth.open()
    pair = await login_as(auth, await a_user(auth))
    await auth.storage.close()
    for each in tmp_path.iterdir():
        each.unlink()
    file.write_bytes(b"this was a database" * 100)
    app = FastAPI()
    install(app, auth)

    async with talking_to(app) as client:
        answer = await client.request(method, path, headers=bearer(getattr(pair, kind)))

    assert told(answer) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    await auth.close()


@pytest.mark.parametrize(
    "host", ["a/../auth/login?", "x#", "evil.example", "[", "a b", "\N{SNOWMAN}", "auth.test:99999"]
)
@pytest.mark.parametrize(
    "path", ["/auth/me", "/auth/sessions", "/auth/logout/all", "/auth/logout/others"]
)
async def test_no_host_header_leads_around_a_check(
    client: httpx2.AsyncClient, pair: TokenPair, path: str, host: str
) -> None:
    """W2."""
    method = "POST" if "logout" in path else "GET"
    headers = {b"host": host.encode()}
    token = f"Bearer {pair.access_token}".encode()

    without = await client.request(method, path, headers=headers)
    with_token = await client.request(method, path, headers={**headers, b"authorization": token})

    assert told(without) == (401, "not_authenticated")
    assert with_token.status_code < 300


def test_secrets_are_compared_in_constant_time() -> None:
    """J13: no comparison with == in the library involves a secret."""
    secrets = ("secret", "hash", "signature", "digest", "mac")
    library = Path(tokenpair.__file__).parent
    found = [
        f"{path.name}: {ast.unparse(node)}"
        for path in library.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops)
        and any(secret in ast.unparse(node).lower() for secret in secrets)
    ]

    # The rest compares lengths, a stored hash with the one that was verified, and in SQL the hash
    # of a token from a mail: an attacker who measures that learns nothing about the token.
    harmless = ("password_hash", "len(", "_t.token_hash")
    assert [each for each in found if not any(part in each for part in harmless)] == []
    assert "compare_digest" in (library / "core" / "sessions" / "rule.py").read_text()


class DeletedMeanwhile(MemoryStorage):
    """A storage that deletes an account right after its session was looked at."""

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        found = await super().session_state(user_id, session_id, now)
        async with self.begin() as tx:
            await tx.users.delete(user_id)
        return found


async def test_an_export_of_an_account_that_is_deleted_meanwhile_says_that_it_is_gone() -> None:
    app = FastAPI()
    async with make_auth(storage=DeletedMeanwhile()) as auth, talking_to(app) as client:
        install(app, auth)
        pair = await login_as(auth, await a_user(auth))
        gone = await client.get("/auth/me/export", headers=bearer(pair.access_token))

    assert told(gone) == (401, "session_ended")
