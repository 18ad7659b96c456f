"""What the delivery of mails does with the rows of the outbox, without sending one."""

from dataclasses import dataclass, field
from datetime import timedelta

from tokenpair import Auth
from tokenpair.core.mail import MailPurpose, OutboxMail
from tokenpair.core.one_time import Purpose, new_token
from tokenpair.ports import UnitOfWork

TOKENS = {each.value: each for each in Purpose}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A mail as its receiver gets it. `token` is that of its link, None if it has none."""

    purpose: MailPurpose
    recipient: str
    token: str | None = field(repr=False)


async def read_mails(auth: Auth) -> list[Delivered]:
    """Deliver the mails that are due, the oldest first, and return them."""
    now = auth.clock()
    delivered = []
    async with auth.storage.begin() as tx:
        for user_id, mail_id in await tx.outbox.due(now, limit=100):
            until = now + timedelta(minutes=1)
            mail = await tx.outbox.claim(user_id, mail_id, now=now, until=until)
            assert mail is not None
            await tx.outbox.remove(mail)
            if await tx.users.get(user_id):
                token = await _token(auth, tx, mail)
                delivered.append(
                    Delivered(purpose=mail.purpose, recipient=mail.address, token=token)
                )
    return delivered


async def _token(auth: Auth, tx: UnitOfWork, mail: OutboxMail) -> str | None:
    if not (purpose := TOKENS.get(mail.purpose.value)):
        return None
    stored = await tx.users.lock(mail.user_id)
    assert stored is not None
    text, token = new_token(
        purpose,
        mail.user_id,
        mail.address,
        auth.clock(),
        auth._parts.random,
        credential_version=stored.credential_version,
        data=mail.data,
    )
    await tx.one_time.put(token)
    return text
