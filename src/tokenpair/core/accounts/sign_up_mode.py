"""Which clients may make an account."""

from enum import Enum


class SignUpMode(Enum):
    """How a new user gets an account."""

    OPEN = "open"  # Any client can sign up.
    INVITED = "invited"  # Only with an invitation, which a mail carries.
    CLOSED = "closed"  # Only the app makes accounts.
