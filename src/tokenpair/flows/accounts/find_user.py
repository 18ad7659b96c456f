"""Find the account of an address that a client has typed."""

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import InvalidInput
from tokenpair.ports import Storage


async def find_user(storage: Storage, email: str) -> StoredUser | None:
    """Return the user with this address, or None, also for a text that is not an address."""
    try:
        address = EmailAddress.parse(email)
    except InvalidInput:
        return None  # No account has such an address.
    async with storage.reading() as look:
        return await look.users.by_email(address)
