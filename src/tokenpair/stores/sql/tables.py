"""The library's tables. The migrations create them; a test compares the two."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata: sa.MetaData = sa.MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """A time: `timestamptz` on PostgreSQL, text in UTC on SQLite, an aware `datetime` here.

    Both store microseconds, and both sort in the order of time.
    """

    impl: sa.DateTime = sa.DateTime(timezone=True)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return the time in UTC. SQLite drops the zone."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return the time in UTC, in any time zone of the connection."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


user_table: sa.Table = sa.Table(
    "tokenpair_user",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_canonical", sa.Text, nullable=False, unique=True),
    sa.Column("email_verified_at", UtcDateTime),
    sa.Column("password_hash", sa.Text),
    # With a default, for the workers of the version before, which add users without it.
    sa.Column("credential_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("profile", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("disabled_at", UtcDateTime),
)

session_table: sa.Table = sa.Table(
    "tokenpair_session",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False),
    # No index contains a column that a renewal changes, and on PostgreSQL each page has free space
    # for the new version of a row (migration 0001). So a renewal's update stays on its page (HOT).
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("tokenpair_user.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("previous", sa.Text),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("rotated_at", UtcDateTime, nullable=False),
    sa.Column("authenticated_at", UtcDateTime, nullable=False),
    sa.Column("amr", sa.Text),  # A JSON list. NULL for none, and in rows older than the column.
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    # Never changes, so its index does not prevent that.
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("end_reason", sa.Text),
    sa.Column("user_agent", sa.Text),
    sa.Column("ip", sa.Text),
    # The user comes first, so that the table can be distributed by user.
    sa.PrimaryKeyConstraint("user_id", "id"),
)

_has_ended = session_table.c.ended_at.is_not(None)
sa.Index(
    "ix_tokenpair_session_ended_at",
    session_table.c.ended_at,
    postgresql_where=_has_ended,
    sqlite_where=_has_ended,
)

revocation_table: sa.Table = sa.Table(
    "tokenpair_revocation",
    metadata,
    # In the order of commits on SQLite, which has one writer. On PostgreSQL only approximately.
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("session_id", sa.Uuid),
    sa.Column("user_id", sa.Uuid),
    sa.Column("min_version", sa.Integer),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    # With an index, because on SQLite renewals wait while pruning looks for old rows.
    sa.Column("until", UtcDateTime, nullable=False, index=True),
    # PostgreSQL's id of the transaction that wrote the row: see `stores.sql.postgres.feed`.
    sa.Column("xid", sa.BigInteger, index=True),
    sqlite_autoincrement=True,  # Otherwise the id of a pruned newest row is used again.
)

setting_table: sa.Table = sa.Table(
    "tokenpair_setting",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("seconds", sa.BigInteger, nullable=False),
)

one_time_table: sa.Table = sa.Table(
    "tokenpair_one_time",
    metadata,
    # No foreign key: an invitation has an id of its own in place of a user's.
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("token_hash", sa.LargeBinary, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("credential_version", sa.Integer),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    # Of each purpose a user has one token: a newer one replaces the older.
    sa.PrimaryKeyConstraint("user_id", "purpose"),
)

outbox_table: sa.Table = sa.Table(
    "tokenpair_outbox",
    metadata,
    # No foreign key: a forgotten password for an unknown address adds a row, too.
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claimed_until", UtcDateTime),
    sa.PrimaryKeyConstraint("user_id", "id"),
)

limit_table: sa.Table = sa.Table(
    "tokenpair_limit",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False, index=True),
    sa.Column("closed_until", UtcDateTime),
)
