"""Port of what sends mails: an SMTP server, the log, or an app's own queue."""

from typing import Protocol

from tokenpair.core.message import Message


class MailSender(Protocol):
    """Sends mails, or hands them to a queue that does."""

    async def send(self, message: Message) -> None:
        """Send one mail, to `message.recipient`.

        When this returns, the mail counts as sent and is removed from the outbox. Several calls
        may run at the same time. A call that takes longer than a minute is cancelled.

        Raise `MailRefused` if another attempt would fail in the same way, for instance because the
        mailbox does not exist; the mail is given up. After any other error it is tried again, with
        growing delays, for a day. Never log `message.text`, `message.html` or `message.link`: a
        reader of the log could take the account over.
        """
        ...
