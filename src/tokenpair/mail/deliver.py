"""Deliver the mails of the outbox; several workers share the work.

A mail is claimed in one transaction with the making of its token, is sent outside of any
transaction, and is then removed. So no database connection waits for an SMTP server, and no row
holds a token.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.cancelling import cancelled_tasks_as_errors, kind_of
from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import User
from tokenpair.core.mail import CREDENTIAL_VERSION, MailPurpose, OutboxMail
from tokenpair.core.mail_delivery import (
    CLAIM,
    SEND_SECONDS,
    is_wanted,
    next_attempt,
    token_purpose,
)
from tokenpair.core.mail_events import MailDeferred, MailFailed, MailFailure, MailSent
from tokenpair.core.message import Message
from tokenpair.core.one_time import new_token
from tokenpair.errors import InvalidInput, MailNotSent, MailRefused, Unavailable
from tokenpair.mail.make import MakeMessage
from tokenpair.mail.render import InvalidTemplate
from tokenpair.ports import Clock, MailSender, Storage, UnitOfWork

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """A mail that this worker may send, its user and its token."""

    mail: OutboxMail
    user: User | None
    token: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Deliver:
    """Delivers one mail."""

    storage: Storage
    clock: Clock
    random: Callable[[int], bytes]
    sender: MailSender
    make: MakeMessage
    seconds: float = SEND_SECONDS

    async def __call__(self, user_id: UUID, mail_id: UUID) -> None:
        """Try to send a mail that is due, unless another worker has claimed it."""
        if not (claimed := await self._claim(user_id, mail_id)):
            return
        failure = await self._send(claimed)
        await self._settle(claimed.mail, failure)

    async def _claim(self, user_id: UUID, mail_id: UUID) -> _Claimed | None:
        now = self.clock()
        async with self.storage.begin() as tx:
            claimed = await tx.outbox.claim(user_id, mail_id, now=now, until=now + CLAIM)
            if not claimed:
                return None
            user = await _user_of(tx, claimed)
            if not is_wanted(claimed, user):
                await tx.outbox.remove(claimed)
                return None
            token = await self._new_token(tx, claimed, now)
            return _Claimed(mail=claimed, user=user, token=token)

    async def _new_token(self, tx: UnitOfWork, mail: OutboxMail, now: datetime) -> str | None:
        """Make the token of the mail's link; it replaces those of older mails."""
        if not (purpose := token_purpose(mail.purpose)):
            return None
        # An older mail that is still to be tried would replace the token of this one.
        await tx.outbox.remove_older(mail)
        text, token = new_token(
            purpose,
            mail.user_id,
            mail.address,
            now,
            self.random,
            credential_version=mail.data.get(CREDENTIAL_VERSION),
            data=mail.data,
        )
        await tx.one_time.put(token)
        return text

    async def _send(self, claimed: _Claimed) -> MailFailure | None:
        """Return why the mail was not sent, or None."""
        mail = claimed.mail
        try:
            async with cancelled_tasks_as_errors():
                # In a thread: an app's template may take long.
                message = await asyncio.to_thread(self.make, mail, claimed.user, claimed.token)
        except InvalidInput:
            _log.warning("the mail %s has an address that cannot be mailed", mail.purpose.value)
            return MailFailure.REFUSED
        except InvalidTemplate as exc:
            _log.error("a template of the mail %s is not valid: %s", mail.purpose.value, exc)
            return MailFailure.TEMPLATE
        except Exception as exc:  # noqa: BLE001  The app's templates may raise any error.
            # Without its text, which may quote the link.
            _log.error("a template of the mail %s failed: %s", mail.purpose.value, _place(exc))
            return MailFailure.TEMPLATE
        # Waiting for the thread, or a suspended machine, may have used the claim up.
        end = self.clock() + timedelta(seconds=self.seconds)
        if mail.claimed_until is None or end > mail.claimed_until:
            return MailFailure.UNREACHABLE
        return await self._hand_over(message)

    async def _hand_over(self, message: Message) -> MailFailure | None:
        try:
            async with cancelled_tasks_as_errors(), asyncio.timeout(self.seconds):
                await self.sender.send(message)
        except MailRefused as exc:
            _log.warning("the mail %s was refused: %s", message.purpose.value, exc)
            return MailFailure.REFUSED
        except MailNotSent as exc:
            _log.warning("the mail %s was not sent: %s", message.purpose.value, exc)
        except TimeoutError:
            _log.warning("the mail %s was not sent: it took too long", message.purpose.value)
        except Exception as exc:  # noqa: BLE001  An app's own sender may raise any error.
            # Without its text, which may quote the mail and its link.
            _log.error("the mail %s was not sent: %s", message.purpose.value, kind_of(exc))
        else:
            return None
        return MailFailure.UNREACHABLE

    async def _settle(self, mail: OutboxMail, failure: MailFailure | None) -> None:
        """Store what became of the mail, if need be when the database is back."""
        while True:
            try:
                async with self.storage.begin() as tx:
                    await self._store(tx, mail, failure)
            except Unavailable as exc:
                # The mail must not be sent again just because this could not be stored.
                _log.warning("the outcome of a mail could not be stored yet: %s", exc)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _store(self, tx: UnitOfWork, mail: OutboxMail, failure: MailFailure | None) -> None:
        user_id, purpose = mail.user_id, mail.purpose
        again = None if failure is MailFailure.REFUSED else next_attempt(mail, self.clock())
        if failure is None:
            if await tx.outbox.remove(mail):
                await tx.record(MailSent(user_id=user_id, purpose=purpose))
        elif again is None:
            if await tx.outbox.remove(mail):
                await tx.record(_failed(mail, failure, is_kept=False))
        elif await tx.outbox.postpone(mail, again):
            await tx.record(
                _failed(mail, failure, is_kept=True)
                if failure is MailFailure.TEMPLATE
                else MailDeferred(user_id=user_id, purpose=purpose, reason=failure)
            )


async def _user_of(tx: UnitOfWork, mail: OutboxMail) -> User | None:
    """Return the user of a mail; of an invitation, the user who has the address by now."""
    if mail.purpose is not MailPurpose.INVITATION:
        return await tx.users.get(mail.user_id)
    try:
        address = EmailAddress.parse(mail.address)
    except InvalidInput:
        return None  # Making the message raises it again, and the mail is given up.
    found = await tx.users.by_email(address)
    return found.user if found else None


def _failed(mail: OutboxMail, reason: MailFailure, *, is_kept: bool) -> MailFailed:
    return MailFailed(user_id=mail.user_id, purpose=mail.purpose, reason=reason, is_kept=is_kept)


def _place(exc: BaseException) -> str:
    """Return the kind of an error, and the file and line that raised it."""
    frames = traceback.extract_tb(exc.__traceback__)
    ours = [each for each in frames if each.filename.endswith((".txt", ".html"))]
    place = (ours or frames)[-1]
    return f"{kind_of(exc)} in {place.filename}, line {place.lineno}"
