"""Known and unknown addresses cost the same work: statements, rows, and comparisons of hashes.

An attacker who measures times learns nothing of which accounts exist. The work is counted, and not
timed: one statement more shows in every run.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from tests.http.conftest import talking_to
from tests.passwords.hashers import WatchedHasher, WatchedPasswords
from tokenpair import Auth
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, a_user, make_auth

IS_COUNTED: ContextVar[bool] = ContextVar("IS_COUNTED", default=False)
"""True in the task of the request alone: background tasks send statements, too."""


@dataclass
class Work:
    """What a request has cost: statements, each with the rows that it wrote, and comparisons.

    In any order: counters are locked in the order of their hashed keys.
    """

    statements: Counter[tuple[str, int]] = field(default_factory=Counter)
    comparisons: int = 0


@contextmanager
def counted(hasher: WatchedHasher) -> Iterator[Work]:
    work = Work()

    def note(_1: Any, cursor: Any, statement: str, *_: Any) -> None:
        if IS_COUNTED.get():
            is_read = statement.lstrip().startswith("SELECT")
            work.statements[statement, 0 if is_read else cursor.rowcount] += 1

    before = len(hasher.compared)
    token = IS_COUNTED.set(True)
    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        yield work
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", note)
        IS_COUNTED.reset(token)
        work.comparisons = len(hasher.compared) - before


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> SqlStorage:
    if request.param == "sqlite":
        return SqlStorage.from_url(f"sqlite:///{tmp_path}/test.db")
    return SqlStorage.from_url(request.getfixturevalue("postgres_url"))


@pytest.fixture
def hasher() -> WatchedHasher:
    return WatchedHasher()


@pytest.fixture
def auth(storage: SqlStorage, hasher: WatchedHasher) -> Auth:
    return make_auth(storage=storage, passwords=WatchedPasswords(hasher), limits=True)


async def accounts_of_each_kind(auth: Auth) -> list[str]:
    """Return addresses: of accounts that differ in all that could matter, and of none."""
    verified = await a_user(auth, "verified@example.com")
    await auth.mark_verified(verified.id)
    await a_user(auth, "unverified@example.com")
    disabled = await a_user(auth, "disabled@example.com")
    await auth.disable(disabled.id)
    deleted = await a_user(auth, "deleted@example.com")
    await auth.delete(deleted.id)
    await auth.import_account(email="without-password@example.com", password_hash=None)
    return [
        "verified@example.com",
        "unverified@example.com",
        "disabled@example.com",
        "deleted@example.com",
        "without-password@example.com",
        "unknown@example.com",
    ]


REQUESTS: dict[str, dict[str, str]] = {
    "/auth/login": {"password": f"not {PASSWORD}"},
    "/auth/password/forgot": {},
}
"""The fields beside `email` of the requests that take any address."""


@pytest.mark.parametrize("path", REQUESTS)
async def test_a_request_costs_the_same_for_every_address(
    auth: Auth, app: FastAPI, hasher: WatchedHasher, path: str
) -> None:
    """A10, A11, V6.3.8."""
    costs: dict[str, Work] = {}
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
    async with auth, talking_to(app) as client:
        for email in await accounts_of_each_kind(auth):
            with counted(hasher) as work:
                answer = await client.post(path, json={"email": email} | REQUESTS[path])
            costs[email] = work
            answers[email] = (answer.status_code, answer.content, dict(answer.headers))

    expected = costs["unknown@example.com"]
    assert expected.statements
    assert {email for email, work in costs.items() if work != expected} == set()
    assert all(each == answers["unknown@example.com"] for each in answers.values())
