"""A process that delivers mails: python -m tests.faults.mail_worker DATABASE PORT CA_FILE."""

import asyncio
import ssl
import sys

from tests.mail.office import Office
from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.mail.smtp import SmtpSender
from tokenpair.pace import utc_now
from tokenpair.stores.sql import SqlStorage


async def deliver(url: str, port: str, authorities: str) -> None:
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=False)
    tls = ssl.create_default_context(cafile=authorities)
    sender = SmtpSender(parse_smtp_url(f"smtp://localhost:{port}"), tls=tls)
    await Office(storage=storage, clock=utc_now, sender=sender).mailer.loop.drain()
    await storage.close()


if __name__ == "__main__":
    asyncio.run(deliver(*sys.argv[1:]))
