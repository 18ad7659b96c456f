"""SQL that PostgreSQL and SQLite spell differently. No statement needs to know its database."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from tokenpair.stores.sql.tables import UtcDateTime

_PRUNING_LOCK = 7_046_029_254_386_353_131
"""The number of an advisory lock that no other code takes."""


class now_plus(FunctionElement[datetime]):  # noqa: N801  It is used as a function.
    """The time by the database's clock plus a number of seconds, in the form of `UtcDateTime`."""

    type: UtcDateTime = UtcDateTime()
    inherit_cache: bool | None = True


class this_transaction(FunctionElement[int]):  # noqa: N801  Statements call it.
    """The number of the transaction that runs the statement; NULL on SQLite, which has none."""

    type: sa.BigInteger = sa.BigInteger()
    inherit_cache: bool | None = True


class pruning_turn(FunctionElement[bool]):  # noqa: N801  Statements call it.
    """Whether this transaction may prune: on PostgreSQL, one at a time; on SQLite, always."""

    type: sa.Boolean = sa.Boolean()
    inherit_cache: bool | None = True


def now(*, plus: timedelta = timedelta(0)) -> sa.ColumnElement[datetime]:
    """Return the time by the database's clock, plus a duration."""
    return now_plus(sa.literal(plus.total_seconds(), sa.Double))


@compiles(now_plus, "postgresql")
def _now_on_postgres(element: now_plus, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    seconds = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(now_plus, "sqlite")
def _now_on_sqlite(element: now_plus, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    seconds = compiler.process(element.clauses, **options)
    # SQLite's clock counts milliseconds.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('%+.3f seconds', {seconds}))"


@compiles(this_transaction, "postgresql")
def _transaction_on_postgres(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


@compiles(this_transaction, "sqlite")
def _transaction_on_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return "NULL"


@compiles(pruning_turn, "postgresql")
def _turn_on_postgres(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return f"pg_try_advisory_xact_lock({_PRUNING_LOCK})"


@compiles(pruning_turn, "sqlite")
def _turn_on_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return "1"  # The transaction holds the write lock already.
