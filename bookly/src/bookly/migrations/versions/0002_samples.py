"""The sample catalogue: which books are from it, and whether it was added already."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with a default for workers of the version before, and the table."""
    op.add_column(
        "bookly_book",
        sa.Column("is_sample", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "bookly_catalogue",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
    )
