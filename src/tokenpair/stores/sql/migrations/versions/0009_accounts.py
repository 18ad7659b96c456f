"""One-time tokens, the outbox of mails, counters of limits, and versions of credentials."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and the column. No row of an existing table is rewritten."""
    op.create_table(
        "tokenpair_one_time",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("credential_version", sa.Integer),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "purpose"),
    )
    op.create_index("ix_tokenpair_one_time_expires_at", "tokenpair_one_time", ["expires_at"])
    op.create_table(
        "tokenpair_outbox",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_until", _TIME),
        sa.PrimaryKeyConstraint("user_id", "id"),
    )
    op.create_index("ix_tokenpair_outbox_due_at", "tokenpair_outbox", ["due_at"])
    op.create_table(
        "tokenpair_limit",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("closed_until", _TIME),
    )
    op.create_index("ix_tokenpair_limit_ends_at", "tokenpair_limit", ["ends_at"])
    # At the end: the table of the users is locked from here to the commit.
    op.add_column(
        "tokenpair_user",
        sa.Column("credential_version", sa.Integer, nullable=False, server_default="0"),
    )
