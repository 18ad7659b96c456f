"""An index to find sessions that were ended long ago."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it. It contains ended sessions only, so no renewal changes it."""
    has_ended = sa.text("ended_at IS NOT NULL")
    op.create_index(
        "ix_tokenpair_session_ended_at",
        "tokenpair_session",
        ["ended_at"],
        postgresql_where=has_ended,
        sqlite_where=has_ended,
    )
