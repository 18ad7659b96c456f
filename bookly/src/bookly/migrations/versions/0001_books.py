"""Books."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of books."""
    op.create_table(
        "bookly_book",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("publisher", sa.Text, nullable=False),
        sa.Column("title_folded", sa.Text, nullable=False),
        sa.Column("author_folded", sa.Text, nullable=False),
        sa.Column("publisher_folded", sa.Text, nullable=False),
        sa.Column("published_date", sa.Date, nullable=False),
        sa.Column("page_count", sa.Integer, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_bookly_book_owner_id_id", "bookly_book", ["owner_id", "id"])
