"""The mails of one `Auth`: its sender, its templates and its delivery loop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlsplit

from tokenpair.alarm import Alarm
from tokenpair.core.base_url import parse_base_url
from tokenpair.core.mail_address import parse_sender
from tokenpair.errors import ConfigurationError
from tokenpair.mail.console import ConsoleSender
from tokenpair.mail.deliver import Deliver
from tokenpair.mail.loop import MailLoop
from tokenpair.mail.make import MakeMessage
from tokenpair.mail.render import Templates
from tokenpair.options import MailOptions
from tokenpair.ports import Clock, Storage

_NO_SENDER = (
    "nothing sends mails: set TOKENPAIR_SMTP_URL and TOKENPAIR_MAIL_FROM, or pass mail_sender=..., "
    "or set TOKENPAIR_MAIL=off to leave out what needs mail"
)
_SET_BASE = "set TOKENPAIR_LINK_BASE_URL, or MailOptions(link_base_url='https://books.example.com')"


@dataclass(frozen=True, kw_only=True)
class Mailer:
    """Makes the delivery loop of one `Auth` from its options; templates are read on first use."""

    options: MailOptions
    alarm: Alarm
    issuer: str
    storage: Storage
    clock: Clock
    random: Callable[[int], bytes]

    def require_ready(self) -> None:
        """Require what the options need. Raises `ConfigurationError` with one line."""
        if self.options.is_on:
            self.loop  # noqa: B018  It checks the options.

    def start(self) -> None:
        """Deliver again after a `stop`."""
        if "loop" in vars(self):
            self.loop.start()

    async def look(self) -> None:
        """Start to deliver the mails that are due. Raises `Unavailable`."""
        if self.options.is_on:
            await self.loop.look()

    async def stop(self) -> None:
        """Wait a little for the mails that are being sent."""
        if "loop" in vars(self):
            await self.loop.stop()

    @cached_property
    def loop(self) -> MailLoop:
        """The delivery loop. Raises `ConfigurationError` for options that cannot be used."""
        return MailLoop(self.deliver, self.alarm)

    @cached_property
    def deliver(self) -> Deliver:
        """What delivers one mail. Raises `ConfigurationError` as `loop` does."""
        if self.options.sender is None:
            raise ConfigurationError(_NO_SENDER)
        return Deliver(
            storage=self.storage,
            clock=self.clock,
            random=self.random,
            sender=self.options.sender,
            make=self._make_message(),
        )

    def _make_message(self) -> MakeMessage:
        base = self._link_base_url()
        host = urlsplit(base).hostname or ""
        domain = f"[{host}]" if ":" in host else host
        try:
            sender = parse_sender(self.options.from_address or f"no-reply@{domain}")
        except ValueError as exc:
            raise ConfigurationError(f"the address that mails are sent from {exc}") from exc
        return MakeMessage(
            templates=Templates(self.options.templates, language=self.options.language),
            sender=str(sender),
            service=sender.display_name or host,
            link_base_url=base,
        )

    def _link_base_url(self) -> str:
        try:
            return parse_base_url(self.options.link_base_url or self.issuer)
        except ValueError as exc:
            # `from None`, because the cause may quote a password.
            raise ConfigurationError(f"the base URL of links {exc}: {_SET_BASE}") from None


def resolved(options: MailOptions | None, *, development: bool) -> MailOptions:
    """Return the options with what they leave open: in development, mails go to the log."""
    found = options or MailOptions(is_on=development)
    return replace(found, sender=ConsoleSender()) if development and not found.sender else found
