"""The accounts in memory."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import EmailVerified
from tokenpair.core.accounts.roles import require_storable_roles
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.events import RolesChanged
from tokenpair.errors import EmailTaken
from tokenpair.stores.memory.events import MemoryEvents
from tokenpair.stores.memory.tables import Tables


class MemoryUsers:
    """`ports.Users` over a dictionary."""

    def __init__(self, tables: Tables, events: MemoryEvents) -> None:
        self._users = tables.users
        self._sessions = tables.sessions
        self._one_time = tables.one_time
        self._mails = tables.mails
        self._events = events

    async def add(self, user: StoredUser) -> None:
        if user.user.id in self._users or await self.by_email(user.user.email):
            raise EmailTaken
        self._users[user.user.id] = user

    async def get(self, user_id: UUID) -> User | None:
        found = self._users.get(user_id)
        return found.user if found else None

    async def lock(self, user_id: UUID) -> StoredUser | None:
        return self._users.get(user_id)

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        canonical = email.canonical
        return next(
            (each for each in self._users.values() if each.user.email.canonical == canonical), None
        )

    async def list(self, *, limit: int) -> list[User]:
        newest = sorted(self._users, reverse=True)[:limit]
        return [self._users[user_id].user for user_id in newest]

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        found = self._users.get(user_id)
        if not found or found.password_hash != replacing:
            return False
        self._users[user_id] = replace(found, password_hash=password_hash)
        return True

    async def set_password(self, user_id: UUID, password_hash: str) -> bool:
        if not (found := self._users.get(user_id)):
            return False
        version = found.credential_version + 1
        self._users[user_id] = replace(
            found, password_hash=password_hash, credential_version=version
        )
        return True

    async def set_email(
        self, user_id: UUID, email: EmailAddress, *, verified_at: datetime | None
    ) -> bool:
        other = await self.by_email(email)
        if other and other.user.id != user_id:
            raise EmailTaken
        return self._put(user_id, email=email, email_verified_at=verified_at) is not None

    async def set_email_verified(self, user_id: UUID, at: datetime) -> bool:
        user = await self.get(user_id)
        if user and user.email_verified_at is None:
            version = user.version + 1
            self._put(user_id, email_verified_at=at, version=version)
            await self._events.record(EmailVerified(user_id=user_id, version=version))
        return user is not None

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        return self._put(user_id, profile=profile) is not None

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        require_storable_roles(roles)
        user = await self.get(user_id)
        if user and user.roles != roles:
            version = user.version + 1
            self._put(user_id, roles=roles, version=version)
            await self._events.record(RolesChanged(user_id=user_id, version=version))
        return user is not None

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        return self._put(user_id, disabled_at=at) is not None

    async def delete(self, user_id: UUID) -> bool:
        tables: list[dict[Any, Any]] = [self._sessions, self._one_time, self._mails]
        for table in tables:
            for key in [each for each in table if each[0] == user_id]:
                del table[key]
        return self._users.pop(user_id, None) is not None

    def _put(self, user_id: UUID, **changes: Any) -> User | None:  # noqa: ANN401
        if not (found := self._users.get(user_id)):
            return None
        user = replace(found.user, **changes)
        self._users[user_id] = replace(found, user=user)
        return user
