"""Compare addresses by ASCII case only, not by Unicode's case folding.

Only addresses with characters outside ASCII change. The new rule distinguishes more addresses than
the old one, so no two accounts get the same canonical address.
"""

import logging
import unicodedata
from string import ascii_lowercase, ascii_uppercase
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from email_validator import EmailNotValidError, validate_email

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1000

_log = logging.getLogger(__name__)
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_user = sa.table(
    "tokenpair_user",
    sa.column("id", sa.Uuid),
    sa.column("email", sa.Text),
    sa.column("email_canonical", sa.Text),
)


def upgrade() -> None:
    """Compute the canonical address of every account again, in batches."""
    connection = op.get_bind()
    last = UUID(int=0)
    while True:
        batch = connection.execute(
            sa.select(_user).where(_user.c.id > last).order_by(_user.c.id).limit(BATCH)
        ).all()
        for user_id, email, canonical in batch:
            if (new := _canonical(user_id, email, canonical)) != canonical:
                change = sa.update(_user).where(_user.c.id == user_id)
                connection.execute(change.values(email_canonical=new))
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _canonical(user_id: UUID, email: str, canonical: str) -> str:
    """Return the new form, or the old one for an address that is not valid.

    The rule is repeated here, because this migration must not change when the library's rule does.
    """
    if email.isascii():
        return canonical
    try:
        address = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        _log.warning("the address of account %s is invalid and stays as it is", user_id)
        return canonical
    local = unicodedata.normalize("NFC", address.local_part).translate(_LOWER)
    return f"{local}@{address.ascii_domain.lower()}"
