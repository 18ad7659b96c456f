"""What all workers of a database must agree on; the longest access lifetime is the first."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty. Workers of the last version neither read nor write it."""
    op.create_table(
        "tokenpair_setting",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seconds", sa.BigInteger, nullable=False),
    )
