"""The tables in memory."""

from copy import copy
from dataclasses import dataclass, field, fields
from datetime import timedelta
from uuid import UUID

from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.mail import OutboxMail
from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import StoredSession


@dataclass(slots=True)
class Tables:
    """All rows, by their keys.

    Sessions and mails by the ids of the user and their own, revocations by number from 0.
    """

    users: dict[UUID, StoredUser] = field(default_factory=dict)
    sessions: dict[tuple[UUID, UUID], StoredSession] = field(default_factory=dict)
    revocations: dict[int, Revocation] = field(default_factory=dict)
    one_time: dict[tuple[UUID, Purpose], StoredOneTimeToken] = field(default_factory=dict)
    mails: dict[tuple[UUID, UUID], OutboxMail] = field(default_factory=dict)
    revoked: int = 0
    longest_access: timedelta | None = None

    def copy(self) -> "Tables":
        return Tables(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})

    def user_of(self, session: StoredSession) -> User | None:
        found = self.users.get(session.user_id)
        return found.user if found else None

    def revoked_since(self, number: int) -> list[Revocation]:
        return [entry for each, entry in self.revocations.items() if each >= number]

    def add_revocation(self, entry: Revocation) -> None:
        self.revocations[self.revoked] = entry
        self.revoked += 1
