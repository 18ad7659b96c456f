"""`ports.Export` in memory."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.export import EXPORTED, Rows
from tokenpair.stores.memory.tables import Tables


class MemoryExport:
    """Reads the rows of one user from the dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def rows(self, user_id: UUID, invitation: UUID | None = None) -> Rows:
        owners = [user_id, *([invitation] if invitation else [])]
        sources: dict[str, Iterable[tuple[object, ...]]] = {
            "tokenpair_user": self._user(user_id),
            "tokenpair_session": _of([user_id], self._tables.sessions),
            "tokenpair_one_time": _of(owners, self._tables.one_time),
            "tokenpair_outbox": _of(owners, self._tables.mails),
        }
        return {
            name: [_row(objects, EXPORTED[name]) for objects in found]
            for name, found in sources.items()
        }

    def _user(self, user_id: UUID) -> list[tuple[object, ...]]:
        """Return the objects that the columns of a user are attributes of."""
        if not (found := self._tables.users.get(user_id)):
            return []
        email = found.user.email
        names = {"email": email.typed, "email_canonical": email.canonical}
        return [(names, found, found.user)]


def _of(
    owners: Iterable[UUID], table: Mapping[tuple[UUID, Any], object]
) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for owner in owners:
        mine = [key for key in table if key[0] == owner]
        found += [(table[key],) for key in sorted(mine, key=str)]
    return found


def _row(objects: tuple[object, ...], columns: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(_read(objects, name)) for name in columns}


def _read(objects: tuple[object, ...], name: str) -> object:
    for each in objects:
        if isinstance(each, dict) and name in each:
            return each[name]
        if hasattr(each, name):
            return getattr(each, name)
    raise KeyError(name)


def _plain(value: object) -> object:
    """Return a value as a column has it."""
    match value:
        case Enum():
            return value.value
        case frozenset():
            return sorted(value)
        case _:
            return value
