"""Mails in tests: an inbox instead of a server."""

from tokenpair.auth import Auth
from tokenpair.core.mail import MailPurpose
from tokenpair.core.message import Message


class Inbox:
    """A `MailSender` that keeps the mails. `messages` holds them, the oldest first."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Keep the mail."""
        self.messages.append(message)


async def read_mails(auth: Auth) -> list[Message]:
    """Deliver the mails that are due, and return those that arrived since the last call.

    `auth` sends to an `Inbox`, as that of `make_auth` does; for another one it raises `TypeError`.
    """
    inbox = auth._parts.mail_options.sender  # noqa: SLF001  Tests of apps need no such access.
    if not isinstance(inbox, Inbox):
        raise TypeError(
            "read_mails needs an Auth that sends to an Inbox, as that of make_auth() does"
        )
    await auth._parts.mailer.loop.drain()  # noqa: SLF001  Only tests wait for mails.
    messages, inbox.messages = inbox.messages, []
    return messages


async def read_mail_token(auth: Auth, purpose: MailPurpose) -> str:
    """Deliver the mails that are due, and return the token of the newest one with this purpose.

    A client posts it to the endpoint that the link is for. The other mails are dropped, as by
    `read_mails`, and it raises what that does. Raises `LookupError` if there is no such mail.
    """
    links = [each.link for each in await read_mails(auth) if each.purpose is purpose and each.link]
    if not links:
        raise LookupError(f"there is no mail with the purpose {purpose.value}")
    return links[-1].partition("#token=")[2]
