"""Return everything that is stored about a user."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.export import EXPORTED, AccountExport, Rows
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.core.mail import MailPurpose
from tokenpair.errors import NotFound
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class ExportAccount:
    """Return everything that is stored about a user, but for secrets.

    A change of address that waits to be confirmed is left out. Only an address that is free has its
    rows, so they would reveal which addresses have an account.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> AccountExport:
        """Raises `NotFound`."""
        async with self.storage.reading() as look:
            if (user := await look.users.get(user_id)) is None:
                raise NotFound
            data = await look.export.rows(user_id, invitation_id(user.email))
        return AccountExport(exported_at=self.clock(), contents=EXPORTED, data=_shown(data))


def _shown(rows: Rows) -> Rows:
    """Return the rows without those of a change of address, of a mail or a token."""
    hidden = MailPurpose.CHANGE_EMAIL.value
    return {
        table: [each for each in found if each.get("purpose") != hidden]
        for table, found in rows.items()
    }
