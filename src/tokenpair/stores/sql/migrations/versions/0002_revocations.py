"""The feed of revocations, and an index to find sessions that expired long ago."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the third table."""
    op.create_table(
        "tokenpair_revocation",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("session_id", sa.Uuid),
        sa.Column("user_id", sa.Uuid),
        sa.Column("min_version", sa.Integer),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("xid", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokenpair_revocation_xid", "tokenpair_revocation", ["xid"])
    op.create_index("ix_tokenpair_session_expires_at", "tokenpair_session", ["expires_at"])
