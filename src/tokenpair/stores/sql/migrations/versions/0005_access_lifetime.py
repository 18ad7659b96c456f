"""Settings that all workers of a database share. The first is the longest access lifetime."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty. Workers of the version before neither read nor write it."""
    op.create_table(
        "tokenpair_setting",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seconds", sa.BigInteger, nullable=False),
    )
