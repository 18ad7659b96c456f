"""Return everything that is stored about a user."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.export import EXPORTED, AccountExport
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.errors import NotFound
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class ExportAccount:
    """Return everything that is stored about a user, but for secrets."""

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> AccountExport:
        """Raises `NotFound`."""
        async with self.storage.reading() as look:
            if (user := await look.users.get(user_id)) is None:
                raise NotFound
            data = await look.export.rows(user_id, invitation_id(user.email))
        return AccountExport(exported_at=self.clock(), contents=EXPORTED, data=data)
