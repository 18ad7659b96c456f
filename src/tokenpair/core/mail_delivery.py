"""When a mail is tried again, which mails are dropped, and where a link leads."""

from datetime import datetime, timedelta

from tokenpair.core.accounts.user import User
from tokenpair.core.mail import MailPurpose, OutboxMail
from tokenpair.core.one_time import Purpose

SEND_SECONDS = 60.0
"""Longest duration of one attempt to send a mail, in seconds."""

CLAIM = timedelta(minutes=3)
"""Duration of a claim. Another worker may try the mail after that.

Longer than an attempt takes, so that two workers with clocks that differ a little, or with a slow
database, never send the same mail.
"""

GIVE_UP_AFTER = timedelta(days=1)
"""Age at which a mail that could not be sent is given up."""

_FIRST_DELAY = timedelta(seconds=10)
_LONGEST_DELAY = timedelta(hours=1)

_LINKS = {
    MailPurpose.VERIFY_EMAIL: (Purpose.VERIFY_EMAIL, "/verify"),
    MailPurpose.RESET_PASSWORD: (Purpose.RESET_PASSWORD, "/reset"),
    MailPurpose.CHANGE_EMAIL: (Purpose.CHANGE_EMAIL, "/email/change"),
    MailPurpose.INVITATION: (Purpose.INVITATION, "/invitation"),
}


def next_attempt(mail: OutboxMail, now: datetime) -> datetime | None:
    """Return when to try a mail again whose attempt has just failed; None to give it up.

    The delays grow from ten seconds to an hour, and the last attempt is a day after the first.
    """
    end = mail.created_at + GIVE_UP_AFTER
    if now >= end:
        return None
    doubled: int = 2 ** min(max(mail.attempts - 1, 0), 20)
    return min(now + min(_FIRST_DELAY * doubled, _LONGEST_DELAY), end)


def token_purpose(purpose: MailPurpose) -> Purpose | None:
    """Return the purpose of the token in a mail's link; None for a mail without a link."""
    found = _LINKS.get(purpose)
    return found[0] if found else None


def link(purpose: MailPurpose, base_url: str, token: str) -> str:
    """Return a mail's link. The token is in the fragment, which no server sees."""
    return f"{base_url}{_LINKS[purpose][1]}#token={token}"


def is_wanted(mail: OutboxMail, user: User | None) -> bool:
    """Return whether a mail is to be sent, now that it is due.

    `user` is the account as it is now; that of the address, if the mail is an invitation. A
    forgotten password for an unknown address belongs to no user. A link for an address that is no
    longer the user's, or an invitation for one that has an account, would be of no use.
    """
    if mail.purpose is MailPurpose.INVITATION:
        return user is None
    if user is None:
        return False
    match mail.purpose:
        case MailPurpose.VERIFY_EMAIL:
            return user.email.typed == mail.address and user.email_verified_at is None
        case MailPurpose.RESET_PASSWORD:
            return user.email.typed == mail.address and user.is_enabled
        case MailPurpose.CHANGE_EMAIL:
            return user.is_enabled
        case _:
            return True
