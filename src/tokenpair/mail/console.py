"""Print mails to the log of a development server, with their links."""

import logging

from tokenpair.core.message import Message

_log = logging.getLogger(__name__)


class ConsoleSender:
    """A `MailSender` for development: its log has links that open accounts."""

    async def send(self, message: Message) -> None:
        """Write the plain text to the log."""
        # A warning, because servers that configure no logging show nothing below.
        _log.warning(
            "mail to %s (printed, because TOKENPAIR_SMTP_URL is not set)\n\nSubject: %s\n\n%s",
            message.recipient,
            message.subject,
            message.text,
        )
