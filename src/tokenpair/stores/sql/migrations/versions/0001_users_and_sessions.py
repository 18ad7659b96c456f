"""Users and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first two tables."""
    op.create_table(
        "tokenpair_user",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_canonical", sa.Text, nullable=False, unique=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True)),
        sa.Column("password_hash", sa.Text),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("profile", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "tokenpair_session",
        sa.Column("id", sa.Uuid, primary_key=True),
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
    )
    op.create_index("ix_tokenpair_session_user_id", "tokenpair_session", ["user_id"])
    if op.get_bind().dialect.name == "postgresql":
        # Free space on each page for new versions of its rows: a renewal's update stays there.
        op.execute("ALTER TABLE tokenpair_session SET (fillfactor = 80)")
