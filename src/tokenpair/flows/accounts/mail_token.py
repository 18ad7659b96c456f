"""Look at a token from a mail, and use it: steps of the flows that such a token starts."""

from dataclasses import dataclass

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.one_time import Purpose, StoredOneTimeToken, parse
from tokenpair.errors import MailTokenInvalid
from tokenpair.ports import Clock, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class MailTokens:
    """Tokens from mails, for accounts that exist. Every cause of refusal is one error."""

    clock: Clock

    async def look(
        self, tx: UnitOfWork, text: str, purpose: Purpose
    ) -> tuple[StoredUser, StoredOneTimeToken]:
        """Return the user and the token, and leave it. Raises `MailTokenInvalid`.

        A flow that works long for a valid token alone, such as for a hash, asks this first.
        """
        user_id, token_hash = parse(text)
        token = await tx.one_time.find(user_id, purpose, token_hash, self.clock())
        user = await tx.users.get(user_id)
        stored = await tx.users.by_email(user.email) if user else None
        return _matched(stored, token)

    async def use(
        self, tx: UnitOfWork, text: str, purpose: Purpose
    ) -> tuple[StoredUser, StoredOneTimeToken]:
        """Lock the user, use the token up, and return both. Raises `MailTokenInvalid`.

        It is used up with the effect alone: if the unit of work is rolled back, for this error or
        another, the token is as it was.
        """
        user_id, token_hash = parse(text)
        stored = await tx.users.lock(user_id)
        token = await tx.one_time.use(user_id, purpose, token_hash, self.clock())
        return _matched(stored, token)


def _matched(
    stored: StoredUser | None, token: StoredOneTimeToken | None
) -> tuple[StoredUser, StoredOneTimeToken]:
    if stored is None or token is None or token.user_id != stored.user.id:
        raise MailTokenInvalid("unknown, used, expired or replaced")
    if not stored.user.is_enabled:
        raise MailTokenInvalid("the user is disabled")
    # An old link must not outlive a new password, not even one that lacks the version.
    is_bound = token.purpose in {Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL}
    if is_bound and token.credential_version != stored.credential_version:
        raise MailTokenInvalid("the password has changed since the mail")
    # The mail with a change of address goes to the new one.
    if token.purpose is not Purpose.CHANGE_EMAIL and not _is_same(token.address, stored):
        raise MailTokenInvalid("the address has changed since the mail")
    return stored, token


def _is_same(address: str, stored: StoredUser) -> bool:
    return EmailAddress.parse(address).canonical == stored.user.email.canonical
