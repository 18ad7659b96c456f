"""Invitations: which one an address has."""

from hashlib import sha256
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress

_LABEL = b"tokenpair invitation\0"

ROLES = "roles"
"""Where the data of an invitation, of its mail and its token, has the roles of the account.

None: those that a sign-up has when the invitation is accepted.
"""

ACCOUNT_ID = "account_id"
"""Where the same data has the id of the account to be."""


def invitation_id(address: EmailAddress) -> UUID:
    """Return the id under which the mail and the token of an invitation are stored.

    It is in place of a user's id, and follows from the address, so that an address has one
    invitation at a time. The account gets another id, which the invitation reserves: the address of
    a deleted account may be invited again.
    """
    return UUID(bytes=sha256(_LABEL + address.canonical.encode()).digest()[:16])
