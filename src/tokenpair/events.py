"""What can happen, as events for the hooks of an app: `auth.within(...)`, `auth.after(...)`."""

from tokenpair.core.accounts.events import (
    AddressChanged,
    EmailVerified,
    InvitationAccepted,
    PasswordChange,
    PasswordChanged,
    ProfileChanged,
    SignedUp,
    UserCreated,
    UserDeleted,
)
from tokenpair.core.events import (
    Event,
    HookedEvent,
    LogInFailed,
    Reauthenticated,
    RecordedEvent,
    RenewalAttempted,
    RolesChanged,
    SessionEnded,
    SessionOpened,
)
from tokenpair.core.limits import LimitReached
from tokenpair.core.mail_events import MailDeferred, MailFailed, MailFailure, MailSent

__all__ = [
    "AddressChanged",
    "EmailVerified",
    "Event",
    "HookedEvent",
    "InvitationAccepted",
    "LimitReached",
    "LogInFailed",
    "MailDeferred",
    "MailFailed",
    "MailFailure",
    "MailSent",
    "PasswordChange",
    "PasswordChanged",
    "ProfileChanged",
    "Reauthenticated",
    "RecordedEvent",
    "RenewalAttempted",
    "RolesChanged",
    "SessionEnded",
    "SessionOpened",
    "SignedUp",
    "UserCreated",
    "UserDeleted",
]
