"""Withdraw the invitation of an address: a step of every flow that gives the address an account."""

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.core.mail import MailPurpose
from tokenpair.core.one_time import Purpose
from tokenpair.ports import UnitOfWork


async def withdraw_invitation(tx: UnitOfWork, address: EmailAddress) -> None:
    """Remove the invitation of an address, whether its mail waits, is being sent or was sent.

    Call it before the row of the account is written. An invitation that is accepted at the same
    moment locks in this order, too: the mail, the token, the account. In any other order, the two
    would deadlock.
    """
    invited = invitation_id(address)
    # The mail first: a worker that delivers it has locked it until it has stored the token.
    await tx.outbox.remove_all(invited, MailPurpose.INVITATION)
    await tx.one_time.remove(invited, Purpose.INVITATION)
