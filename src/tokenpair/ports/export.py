"""Port of the export of one account."""

from typing import Protocol
from uuid import UUID

from tokenpair.core.accounts.export import Rows


class Export(Protocol):
    """What is stored about one user, inside a unit of work."""

    async def rows(self, user_id: UUID, invitation: UUID | None = None) -> Rows:
        """Return the user's rows of each table in `EXPORTED`, with exactly the columns there.

        After them, those of `invitation`: the `invitation_id` of the user's address, which the rows
        have in place of a user's id.

        Every table is a key, also without a row; for an unknown user all lists are empty. The rows
        are in the order of their keys. Times are aware and in UTC. `roles` and `amr` are sorted
        lists, and `end_reason` and `purpose` are the values of their enumerations.
        """
        ...
