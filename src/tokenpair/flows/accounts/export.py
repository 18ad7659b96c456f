"""Return what is stored about a user."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.export import EXPORTED, AccountExport, without_left_out
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.errors import NotFound
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class ExportAccount:
    """Return what is stored about a user, without secrets.

    A change of address that waits to be confirmed is left out: it would tell whether another
    account has the new address.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> AccountExport:
        """Raises `NotFound`."""
        async with self.storage.reading() as look:
            if (user := await look.users.get(user_id)) is None:
                raise NotFound
            data = await look.export.rows(user_id, invitation_id(user.email))
        shown = without_left_out(data)
        return AccountExport(exported_at=self.clock(), contents=EXPORTED, data=shown)
