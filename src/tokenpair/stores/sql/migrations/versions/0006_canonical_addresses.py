"""Addresses are compared by ASCII case alone, not by Unicode's case folding.

Only addresses with other characters than ASCII change. The new rule tells more addresses apart
than the old one, so two accounts never come to share a canonical address.
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
    """Compute the canonical address of every account again, batch after batch."""
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
    """Return the new form; the old one for an address that is not valid, as written by hand.

    The rule is written out here: this revision must mean the same when the library's changes.
    """
    if email.isascii():
        return canonical
    try:
        address = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        _log.warning(
            "the account %s has an address that cannot be read; it stays as it is", user_id
        )
        return canonical
    local = unicodedata.normalize("NFC", address.local_part).translate(_LOWER)
    return f"{local}@{address.ascii_domain.lower()}"
