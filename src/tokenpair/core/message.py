"""A mail, ready to be sent."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.mail import MailPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One mail to one address, as a `MailSender` gets it.

    `id` is the same in every attempt to send the mail; each attempt has a new token in its link.
    `sender` and `recipient` are addresses as they stand in headers, `html` is None if the app's
    templates have none. `link` is None for a mail that only tells something. `user` is the account
    when the mail was made, None for an invitation.

    For a sender that has its own templates: `purpose`, `link`, `user`, `language` and `data`.
    """

    id: UUID
    attempt: int
    purpose: MailPurpose
    sender: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)
    user: User | None = None
    language: str
    data: dict[str, Any] = field(default_factory=dict, repr=False)
