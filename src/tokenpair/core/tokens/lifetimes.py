"""The lifetimes of tokens and sessions."""

from dataclasses import dataclass
from datetime import timedelta

ACCESS = timedelta(minutes=10)
"""Lifetime of an access token, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long tokens and sessions are valid.

    `access`: an access token. `idle`: a refresh token, unless it is renewed before. `session`: a
    session from its log-in on; renewals do not extend it (OWASP ASVS 5.0, 10.4.8).
    """

    access: timedelta = ACCESS
    idle: timedelta = timedelta(days=7)
    session: timedelta = timedelta(days=30)
