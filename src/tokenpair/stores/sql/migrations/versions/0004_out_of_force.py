"""An index to find revocations that are no longer in force."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it."""
    op.create_index("ix_tokenpair_revocation_until", "tokenpair_revocation", ["until"])
