"""How the user of a session authenticated (RFC 8176), for the tokens' "amr" claim."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. It is NULL in existing rows, and in those that older workers still add."""
    op.add_column("tokenpair_session", sa.Column("amr", sa.Text))
