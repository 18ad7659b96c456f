"""How long tokens and sessions live."""

from dataclasses import dataclass
from datetime import timedelta

ACCESS = timedelta(minutes=10)
"""How long an access token lives, if nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long things live.

    `access`: an access token. `idle`: a refresh token that nobody presents. `session`: the
    whole session, however busy it is; it never slides (OWASP ASVS 5.0, 10.4.8).
    """

    access: timedelta = ACCESS
    idle: timedelta = timedelta(days=7)
    session: timedelta = timedelta(days=30)
