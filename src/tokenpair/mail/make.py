"""Make a message from a row of the outbox: the templates, the link, the addresses."""

from dataclasses import dataclass
from datetime import timedelta

from tokenpair.core.accounts.user import User
from tokenpair.core.mail import OutboxMail
from tokenpair.core.mail_address import mailbox
from tokenpair.core.mail_delivery import link, token_purpose
from tokenpair.core.message import Message
from tokenpair.mail.render import InvalidTemplate, Templates


@dataclass(frozen=True, kw_only=True)
class MakeMessage:
    """Makes messages. `sender` is the address in the header From, `service` the app's name."""

    templates: Templates
    sender: str
    service: str
    link_base_url: str

    def __call__(self, mail: OutboxMail, user: User | None, token: str | None) -> Message:
        """Return the message. `token` is None for a mail without a link.

        An app's template may take long: call this in a thread. Raises `InvalidTemplate` for a text
        without a subject or without the link that it needs, `InvalidInput` for an address that
        cannot be mailed, and what a template raises.
        """
        purpose = token_purpose(mail.purpose)
        url = link(mail.purpose, self.link_base_url, token) if purpose and token else None
        values = {
            "service": self.service,
            "address": mail.address,
            "user": user,
            "profile": user.profile if user else {},
            "data": mail.data,
            "link": url,
            "valid_for": _spelled(purpose.lifetime) if purpose else None,
        }
        language = user.profile.get("language") if user else mail.data.get("language")
        rendered = self.templates.render(mail.purpose, values, language=language)
        # Look for the token and not for the link: a template may write a link of its own with it,
        # such as one that opens a mobile app.
        if token and token not in rendered.text:
            raise InvalidTemplate("its text has no link: write {{ link }} into it")
        return Message(
            id=mail.id,
            attempt=mail.attempts,
            purpose=mail.purpose,
            sender=self.sender,
            recipient=mailbox(mail.address),
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            link=url,
            user=user,
            language=rendered.language,
            data=mail.data,
        )


def _spelled(span: timedelta) -> str:
    """Return a duration in words: "30 minutes", "24 hours", "7 days"."""
    minutes = span // timedelta(minutes=1)
    number, unit = minutes, "minute"
    if minutes % 60 == 0:
        number, unit = minutes // 60, "hour"
    if minutes > 48 * 60:
        number, unit = minutes // (24 * 60), "day"
    return f"{number} {unit}{'' if number == 1 else 's'}"
