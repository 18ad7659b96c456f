"""The errors of PostgreSQL: an outage, an invalid value, or an invalid statement."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from tokenpair.errors import InvalidInput, Unavailable
from tokenpair.stores.sql import Database, SqlStorage
from tokenpair.stores.sql.tables import user_table
from tokenpair.testing.store_contract import keep, make_user

OUTAGES = {
    "08006": "connection_failure",
    "25006": "read_only_sql_transaction",
    "28P01": "invalid_password",
    "40001": "serialization_failure",
    "40P01": "deadlock_detected",
    "53100": "disk_full",
    "53300": "too_many_connections",
    "55P03": "lock_not_available",
    "57014": "query_canceled",
    "58030": "io_error",
    "XX000": "internal_error, such as: cache lookup failed for type",
    "26000": "invalid_sql_statement_name",
    "42P05": "duplicate_prepared_statement",
}
INVALID_VALUES = {
    "22003": "numeric_value_out_of_range",
    "22021": "character_not_in_repertoire",
    "22P02": "invalid_text_representation",
    "22P05": "untranslatable_character",
    "54000": "program_limit_exceeded, such as: index row too large",
}
INVALID_STATEMENTS = {
    "0A000": "feature_not_supported",
    "23502": "not_null_violation",
    "42501": "insufficient_privilege",
    "42601": "syntax_error",
    "42703": "undefined_column",
}


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database.from_url(postgres_url)
    yield database
    await database.close()


@pytest.fixture
async def storage(postgres_url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(postgres_url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


async def fail_with(database: Database, state: str) -> None:
    """Make the server raise an error with this SQLSTATE, and with "canary" in its message."""
    block = f"DO $$ BEGIN RAISE EXCEPTION 'canary' USING ERRCODE = '{state}'; END $$"
    async with database.reading() as session:
        await session.execute(sa.text(block))


@pytest.mark.parametrize("state", OUTAGES, ids=OUTAGES.values())
async def test_an_outage_is_unavailable(database: Database, state: str) -> None:
    with pytest.raises(Unavailable):
        await fail_with(database, state)


@pytest.mark.parametrize("state", INVALID_VALUES, ids=INVALID_VALUES.values())
async def test_an_invalid_value_is_invalid_input_and_is_not_logged(
    database: Database, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(InvalidInput) as refused:
        await fail_with(database, state)

    assert refused.value.__suppress_context__
    assert state in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("state", INVALID_STATEMENTS, ids=INVALID_STATEMENTS.values())
async def test_an_invalid_statement_is_a_bug(database: Database, state: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await fail_with(database, state)


@pytest.mark.parametrize(
    "values",
    [
        {"email_canonical": "a\0b"},
        {"email_canonical": "\ud800"},
        {"version": 2**70},
    ],
    ids=["NUL in text", "lone surrogate", "number out of range"],
)
async def test_a_value_that_cannot_be_stored_is_invalid_input(
    storage: SqlStorage, values: dict[str, Any]
) -> None:
    user = make_user()
    await keep(storage, user)

    with pytest.raises(InvalidInput):
        async with storage.begin() as tx:
            await tx.users._connection.execute(user_table.update().values(**values))

    async with storage.reading() as look:
        assert await look.users.get(user.id) == user
