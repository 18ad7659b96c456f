"""The key of a session begins with its user, so that the table can be distributed by user.

Every statement about a session names both columns; the index on `user_id` alone goes, because the
primary key serves what it served.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "tokenpair_session_by_user"
"""Index on (user_id, id) that becomes the primary key on PostgreSQL.

On a large table an operator may build it beforehand with CREATE UNIQUE INDEX CONCURRENTLY, which
blocks no renewal. See docs/how-to/postgresql.md.
"""


def upgrade() -> None:
    """Replace the primary key; no row changes."""
    if op.get_bind().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        _upgrade_sqlite()


def _upgrade_postgresql() -> None:
    # The strongest lock first: to build the index under a weaker one and then ask for more would
    # deadlock with a transaction that has read the table and waits to write.
    op.execute("LOCK TABLE tokenpair_session IN ACCESS EXCLUSIVE MODE")
    op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS {INDEX} ON tokenpair_session (user_id, id)")
    op.execute(
        "ALTER TABLE tokenpair_session DROP CONSTRAINT tokenpair_session_pkey, "
        f"ADD CONSTRAINT tokenpair_session_pkey PRIMARY KEY USING INDEX {INDEX}"
    )
    op.drop_index("ix_tokenpair_session_user_id", "tokenpair_session")


def _upgrade_sqlite() -> None:
    """Copy the table: SQLite cannot change a primary key."""
    # Described here, because a reflected table would lose the condition of the partial index.
    with op.batch_alter_table("tokenpair_session", copy_from=_described(), recreate="always"):
        pass


def _described() -> sa.Table:
    has_ended = sa.text("ended_at IS NOT NULL")
    return sa.Table(
        "tokenpair_session",
        sa.MetaData(),
        sa.Column("id", sa.Uuid, nullable=False),
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
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("end_reason", sa.Text),
        sa.Column("user_agent", sa.Text),
        sa.Column("ip", sa.Text),
        sa.PrimaryKeyConstraint("user_id", "id"),
        sa.Index("ix_tokenpair_session_expires_at", "expires_at"),
        sa.Index("ix_tokenpair_session_ended_at", "ended_at", sqlite_where=has_ended),
    )
