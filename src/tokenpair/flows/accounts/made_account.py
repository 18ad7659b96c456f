"""Read the account that a flow has just made, after the app's hooks."""

from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.hooks import HookFailed
from tokenpair.ports import UnitOfWork


async def made_account(tx: UnitOfWork, user_id: UUID) -> User:
    """Return the account as the hooks left it. Raises `HookFailed` if one of them deleted it."""
    if user := await tx.users.get(user_id):
        return user
    raise HookFailed("a hook deleted the account that was being made; raise an AuthError instead")
