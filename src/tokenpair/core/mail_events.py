"""What can happen to a mail in the outbox. No event has an address, a link or a token."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from tokenpair.core.events import RecordedEvent
from tokenpair.core.mail import MailPurpose


class MailFailure(Enum):
    """Why a mail was not sent."""

    REFUSED = "refused"  # For good: no such mailbox, or the server does not take the message.
    UNREACHABLE = "unreachable"  # No answer, a temporary refusal, or a failed log-in.
    TEMPLATE = (
        "template"  # A template of the app's raised an error, or left out the link or the subject.
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSent(RecordedEvent):
    """The server, or the app's queue, has taken a mail."""

    user_id: UUID
    purpose: MailPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDeferred(RecordedEvent):
    """An attempt to send a mail has failed. It stays in the outbox and is tried again."""

    user_id: UUID
    purpose: MailPurpose
    reason: MailFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFailed(RecordedEvent):
    """A mail needs an operator: it was given up, or a template raised an error.

    With `is_kept` it stays in the outbox and is tried again, as after `MailDeferred`.
    """

    user_id: UUID
    purpose: MailPurpose
    reason: MailFailure
    is_kept: bool
