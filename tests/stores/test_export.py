"""No table and no column can be forgotten in an export: each is in it, or left out for a reason."""

from dataclasses import fields

import pytest

from tokenpair.core.accounts.export import EXPORTED, LEFT_OUT, LEFT_OUT_ROWS, LEFT_OUT_TABLES
from tokenpair.stores.memory.tables import Tables
from tokenpair.stores.sql.tables import metadata

IN_MEMORY = {
    "users": "tokenpair_user",
    "sessions": "tokenpair_session",
    "revocations": "tokenpair_revocation",
    "one_time": "tokenpair_one_time",
    "mails": "tokenpair_outbox",
    "revoked": "tokenpair_revocation",
    "longest_access": "tokenpair_setting",
}
"""Table of the database that each field of the tables in memory stands for."""


def test_every_table_is_exported_or_left_out_for_a_reason() -> None:
    assert metadata.tables.keys() == EXPORTED.keys() | LEFT_OUT_TABLES.keys()
    assert not EXPORTED.keys() & LEFT_OUT_TABLES.keys()
    assert all(LEFT_OUT_TABLES.values())


@pytest.mark.parametrize("name", EXPORTED)
def test_every_column_is_exported_or_left_out_for_a_reason(name: str) -> None:
    exported, left_out = set(EXPORTED[name]), LEFT_OUT.get(name, {})

    assert set(metadata.tables[name].columns.keys()) == exported | left_out.keys()
    assert not exported & left_out.keys()
    assert all(left_out.values())


@pytest.mark.parametrize("name", LEFT_OUT_ROWS)
def test_rows_are_left_out_by_their_purpose_for_a_reason(name: str) -> None:
    assert "purpose" in EXPORTED[name]
    assert LEFT_OUT_ROWS[name]
    assert all(LEFT_OUT_ROWS[name].values())


def test_the_tables_in_memory_are_those_of_the_database() -> None:
    assert IN_MEMORY.keys() == {each.name for each in fields(Tables)}
    assert set(IN_MEMORY.values()) <= metadata.tables.keys()


def test_no_hash_and_no_token_is_exported() -> None:
    names = {f"{table}.{column}" for table, columns in EXPORTED.items() for column in columns}

    assert [name for name in names if "hash" in name or "secret" in name] == []
