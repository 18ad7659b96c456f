"""`ports.Users` in SQL."""

import builtins
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import EmailVerified
from tokenpair.core.accounts.roles import require_storable_roles
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.events import RolesChanged
from tokenpair.errors import EmailTaken
from tokenpair.stores.sql.events import SqlEvents
from tokenpair.stores.sql.tables import one_time_table, outbox_table, user_table

_u = user_table.c
_o = outbox_table.c


class SqlUsers:
    """Reads and writes accounts on one connection."""

    def __init__(self, connection: AsyncConnection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    async def add(self, user: StoredUser) -> None:
        try:
            await self._connection.execute(user_table.insert().values(_to_row(user)))
        except sa.exc.IntegrityError:
            # The address, or the id of an account that was imported before; no other column is
            # unique. `from None`, because the cause quotes the row.
            raise EmailTaken from None

    async def get(self, user_id: UUID) -> User | None:
        found = await self._one(sa.select(user_table).where(_u.id == user_id))
        return found.user if found else None

    async def lock(self, user_id: UUID) -> StoredUser | None:
        return await self._one(
            # FOR NO KEY UPDATE: inserting a session, which refers to the user, need not wait.
            sa.select(user_table).where(_u.id == user_id).with_for_update(key_share=True)
        )

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        return await self._one(sa.select(user_table).where(_u.email_canonical == email.canonical))

    async def list(self, *, limit: int) -> builtins.list[User]:
        newest = sa.select(user_table).order_by(_u.id.desc()).limit(limit)
        return [to_user(row) for row in await self._connection.execute(newest)]

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        changed = await self._connection.execute(
            user_table.update()
            .where(_u.id == user_id, _u.password_hash == replacing)
            .values(password_hash=password_hash)
        )
        return changed.rowcount == 1

    async def set_password(self, user_id: UUID, password_hash: str) -> bool:
        return await self._set(
            user_id, password_hash=password_hash, credential_version=_u.credential_version + 1
        )

    async def set_email(
        self, user_id: UUID, email: EmailAddress, *, verified_at: datetime | None
    ) -> bool:
        try:
            return await self._set(
                user_id,
                email=email.typed,
                email_canonical=email.canonical,
                email_verified_at=verified_at,
            )
        except sa.exc.IntegrityError:
            # `from None`, because the cause quotes the row.
            raise EmailTaken from None

    async def set_email_verified(self, user_id: UUID, at: datetime) -> bool:
        if not (found := await self.lock(user_id)):
            return False
        if found.user.email_verified_at is None:
            version = found.user.version + 1
            await self._set(user_id, email_verified_at=at, version=version)
            await self._events.record(EmailVerified(user_id=user_id, version=version))
        return True

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        return await self._set(user_id, profile=profile)

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        require_storable_roles(roles)
        if not (found := await self.lock(user_id)):
            return False
        if (user := found.user).roles != roles:
            version = user.version + 1
            await self._set(user_id, roles=sorted(roles), version=version)
            await self._events.record(RolesChanged(user_id=user_id, version=version))
        return True

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        return await self._set(user_id, disabled_at=at)

    async def delete(self, user_id: UUID) -> bool:
        # The mails first: a worker that delivers one has locked it until it has stored the token.
        # The newest first, because a delivery goes on to remove older ones.
        newest_first = (
            sa.select(_o.id)
            .where(_o.user_id == user_id)
            .order_by(_o.created_at.desc(), _o.id.desc())
            .with_for_update()
        )
        await self._connection.execute(
            outbox_table.delete().where(_o.user_id == user_id, _o.id.in_(newest_first))
        )
        await self._connection.execute(
            one_time_table.delete().where(one_time_table.c.user_id == user_id)
        )
        # The sessions are deleted with the user: the foreign key says so.
        deleted = await self._connection.execute(user_table.delete().where(_u.id == user_id))
        return deleted.rowcount == 1

    async def _one(self, query: sa.Select[Any]) -> StoredUser | None:
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        columns = row._mapping  # noqa: SLF001  Public, in spite of its name.
        return StoredUser(
            user=to_user(row),
            password_hash=columns[_u.password_hash],
            credential_version=columns[_u.credential_version],
        )

    async def _set(self, user_id: UUID, **values: Any) -> bool:  # noqa: ANN401
        changed = await self._connection.execute(
            user_table.update().where(_u.id == user_id).values(**values)
        )
        return changed.rowcount == 1


def _to_row(stored: StoredUser) -> dict[str, Any]:
    user = stored.user
    return {
        "id": user.id,
        "email": user.email.typed,
        "email_canonical": user.email.canonical,
        "email_verified_at": user.email_verified_at,
        "password_hash": stored.password_hash,
        "credential_version": stored.credential_version,
        "roles": sorted(user.roles),
        "version": user.version,
        "profile": user.profile,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }


def to_user(row: sa.Row[Any]) -> User:
    """Read the columns of the user table from a row, which may have others."""
    columns = row._mapping  # noqa: SLF001  Public, in spite of its name.
    return User(
        id=columns[_u.id],
        email=EmailAddress(columns[_u.email], columns[_u.email_canonical]),
        email_verified_at=columns[_u.email_verified_at],
        roles=frozenset(columns[_u.roles]),
        version=columns[_u.version],
        profile=columns[_u.profile],
        created_at=columns[_u.created_at],
        disabled_at=columns[_u.disabled_at],
    )
