"""Pruning on PostgreSQL, beside other transactions."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from tokenpair.core.mail import OUTBOX_KEPT, OutboxMail
from tokenpair.core.one_time import TOKEN_KEPT, StoredOneTimeToken
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing.store_contract import NOW
from tokenpair.testing.store_contract.one_time import make_one_time_token
from tokenpair.testing.store_contract.outbox import make_mail

AGO = timedelta(minutes=1)


@pytest.fixture
async def storage(postgres_url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(postgres_url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


@pytest.fixture
async def token(storage: SqlStorage) -> StoredOneTimeToken:
    token = make_one_time_token(expires_at=NOW - TOKEN_KEPT - AGO)
    async with storage.begin() as tx:
        await tx.one_time.put(token)
    return token


@pytest.fixture
async def mail(storage: SqlStorage) -> OutboxMail:
    mail = make_mail(due_at=NOW - OUTBOX_KEPT - AGO)
    async with storage.begin() as tx:
        await tx.outbox.add(mail)
    return mail


@contextmanager
def before_each_delete(url: str, statement: str) -> Iterator[None]:
    """Let another connection run a statement just before SQLAlchemy deletes one-time tokens."""

    def run(_1: Any, _2: Any, text: str, *_: Any) -> None:
        if text.startswith("DELETE FROM tokenpair_one_time"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement.encode())

    sa.event.listen(sa.Engine, "before_cursor_execute", run)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", run)


async def test_a_token_that_is_replaced_meanwhile_stays(
    storage: SqlStorage, postgres_url: str, token: StoredOneTimeToken
) -> None:
    fresh = replace(token, expires_at=NOW + AGO)
    renew = f"UPDATE tokenpair_one_time SET expires_at = '{fresh.expires_at}'"

    with before_each_delete(postgres_url, renew):
        removed = await storage.prune(NOW, 100)

    assert removed == 0
    async with storage.begin() as tx:
        key = (fresh.user_id, fresh.purpose, fresh.token_hash)
        assert await tx.one_time.use(*key, NOW) == fresh


@pytest.mark.usefixtures("token", "mail")
async def test_locked_rows_are_left_for_the_next_pass(
    storage: SqlStorage, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT * FROM tokenpair_one_time, tokenpair_outbox FOR UPDATE")
        while_locked = await storage.prune(NOW, 100)

    assert while_locked == 0
    assert await storage.prune(NOW, 100) == 2
