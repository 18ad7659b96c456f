"""The mails that wait in the outbox. No row has a link or a token: delivery makes them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

OUTBOX_KEPT = timedelta(days=7)
"""How long a mail is kept that no worker could deliver or give up since it was due.

Longer than delivery tries. Such a mail has a purpose that only a newer version knows, or all
workers were stopped.
"""


class MailPurpose(Enum):
    """What a mail is for. The templates are named after it."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  A purpose, no password.
    CHANGE_EMAIL = "change_email"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    ADDRESS_CHANGE_REQUESTED = "address_change_requested"
    ADDRESS_CHANGED = "address_changed"


CREDENTIAL_VERSION = "credential_version"
"""Key of a mail's data: its link is invalid once the user has other credentials than this version.

It is that of the request, and not of the delivery: a mail may wait while the password is replaced.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMail:
    """A mail to be sent to one address.

    `user_id` is random for an address without an account: delivery drops the mail. `attempts`
    counts the claims; a mail is claimed until `claimed_until`, None before its first attempt and
    between two.
    """

    user_id: UUID
    id: UUID
    purpose: MailPurpose
    address: str
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    claimed_until: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether it may be claimed."""
        return self.due_at <= now and (self.claimed_until is None or self.claimed_until <= now)


def new_mail(
    purpose: MailPurpose,
    user_id: UUID,
    address: str,
    now: datetime,
    mail_id: UUID,
    *,
    data: dict[str, Any] | None = None,
) -> OutboxMail:
    """Return a mail that is due now; `data` must consist of JSON types."""
    return OutboxMail(
        user_id=user_id,
        id=mail_id,
        purpose=purpose,
        address=address,
        data=data or {},
        created_at=now,
        due_at=now,
    )
