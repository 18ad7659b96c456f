"""Steps of what a user does with their own account, inside the unit of work that changes it."""

from datetime import datetime
from uuid import UUID

from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import SessionEnded, WrongPassword
from tokenpair.ports import UnitOfWork


async def lock_enabled(tx: UnitOfWork, user_id: UUID) -> StoredUser:
    """Lock an authenticated user. Raises `SessionEnded` for a deleted or disabled one."""
    found = await tx.users.lock(user_id)
    if found is None or not found.user.is_enabled:
        raise SessionEnded("the user was deleted or disabled")
    return found


async def lock_confirmed(tx: UnitOfWork, confirmed: StoredUser) -> StoredUser:
    """Lock a user whose password was compared before the unit of work began.

    Raises `SessionEnded`, and `WrongPassword` if the password was replaced meanwhile: of two
    changes with the same current password, the second one fails.
    """
    found = await lock_enabled(tx, confirmed.user.id)
    if found.credential_version != confirmed.credential_version:
        raise WrongPassword("the password was replaced after it was compared")
    return found


async def require_live(tx: UnitOfWork, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """Require that the session of the request is live by its row. Raises `SessionEnded`.

    The request's token was verified against this worker's copy of the revocations, which may be
    behind: the holder of a stolen token must not use that moment.
    """
    if all(each.id != session_id for each in await tx.sessions.live(user_id, now)):
        raise SessionEnded("the session ended before the account was changed")
