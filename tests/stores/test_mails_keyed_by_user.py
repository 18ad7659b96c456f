"""A statement about one-time tokens or one mail names the user, as one about a session does."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.storages import open_storage
from tokenpair.core.mail import MailPurpose
from tokenpair.core.one_time import Purpose
from tokenpair.ports import OneTimeTokens, Outbox, Storage
from tokenpair.testing.store_contract import NOW
from tokenpair.testing.store_contract.one_time import make_one_time_token
from tokenpair.testing.store_contract.outbox import make_mail

TABLE = re.compile(r"(?:FROM|UPDATE|JOIN|INTO)\s+tokenpair_(?:one_time|outbox)\b", re.IGNORECASE)
NAMES_USER = re.compile(r"\bWHERE\b.*\buser_id = (?:\$|\?|:)", re.IGNORECASE | re.DOTALL)
INSERTS = re.compile(r"\s*INSERT INTO tokenpair_\w+ \([^)]*\buser_id\b")


@pytest.fixture(params=["sqlite", "postgres"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(request, tmp_path) as storage:
        yield storage


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what SQLAlchemy sends about the two tables."""
    sent: list[str] = []

    def note(_1: Any, _2: Any, text: str, *_: Any) -> None:
        if TABLE.search(text):
            sent.append(text)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def names_user(text: str) -> bool:
    """Does each use of a table, in sub-selects too, have the user in a WHERE of its own?"""
    if text.lstrip().startswith("INSERT"):
        return bool(INSERTS.match(text))
    _, *uses = TABLE.split(text)
    return all(NAMES_USER.search(use) for use in uses)


async def use_tokens(storage: Storage) -> set[str]:
    """Use every method; return their names."""
    token = make_one_time_token()
    key = (token.user_id, token.purpose, token.token_hash, NOW)
    async with storage.begin() as tx:
        await tx.one_time.put(token)
        assert await tx.one_time.find(*key)
        assert await tx.one_time.use(*key)
        await tx.one_time.remove(token.user_id, Purpose.RESET_PASSWORD)
        await tx.one_time.remove(token.user_id)
    return {"put", "find", "use", "remove"}


async def use_outbox(storage: Storage) -> set[str]:
    """Use every method for one mail or one user; return their names."""
    mail = make_mail(purpose=MailPurpose.RESET_PASSWORD)
    until = NOW + timedelta(minutes=1)
    async with storage.begin() as tx:
        await tx.outbox.add(mail)
        claimed = await tx.outbox.claim(mail.user_id, mail.id, now=NOW, until=until)
        assert claimed
        await tx.outbox.remove_older(claimed)
        assert await tx.outbox.postpone(claimed, NOW)
        again = await tx.outbox.claim(mail.user_id, mail.id, now=NOW, until=until)
        assert again
        assert await tx.outbox.remove(again)
        await tx.outbox.remove_all(mail.user_id, mail.purpose)
    return {"add", "claim", "remove_older", "postpone", "remove", "remove_all"}


async def test_every_statement_about_tokens_and_mails_names_the_user(storage: Storage) -> None:
    with statements() as sent:
        used = await use_tokens(storage), await use_outbox(storage)

    assert used[0] == {name for name in vars(OneTimeTokens) if not name.startswith("_")}
    # `due` looks for the mails of all users, without a lock; `added` counts in the process.
    mails = {name for name in vars(Outbox) if not name.startswith("_")}
    assert used[1] == mails - {"due", "added"}
    assert len(sent) == 12
    assert [text for text in sent if not names_user(text)] == []


async def test_pruning_locks_the_rows_of_one_user_at_a_time(storage: Storage) -> None:
    long_ago = NOW - timedelta(days=30)
    async with storage.begin() as tx:
        for _ in range(2):
            await tx.one_time.put(make_one_time_token(expires_at=long_ago))
            await tx.outbox.add(make_mail(due_at=long_ago))

    with statements() as sent:
        removed = await storage.prune(NOW, 10)

    assert removed == 4
    # Only a statement that changes rows locks them.
    changing = [text for text in sent if not text.lstrip().startswith("SELECT")]
    assert len(changing) >= 2
    assert [text for text in changing if not names_user(text)] == []
