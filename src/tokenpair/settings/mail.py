"""How mails are sent, what they look like, and where their links lead."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from tokenpair.core.mail_address import parse_sender
from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.options import LANGUAGE
from tokenpair.settings.environment import EnvironmentSettings
from tokenpair.settings.fields import Url


def _smtp_url(url: SecretStr) -> SecretStr:
    parse_smtp_url(url.get_secret_value())
    return url


def _sender(text: str) -> str:
    parse_sender(text)
    return text


class MailSettings(EnvironmentSettings):
    """The SMTP server, the sender, the templates, and the base URL of links."""

    mail: bool = Field(True, examples=["off"])
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] | None = Field(
        None, examples=["smtp://user:password@mail.example.com:587"]
    )
    mail_from: Annotated[str, AfterValidator(_sender)] | None = Field(
        None, examples=["Bookly <no-reply@books.example.com>"]
    )
    link_base_url: Url | None = Field(None, examples=["https://books.example.com"])
    mail_templates: Path | None = Field(None, examples=["./templates/mail"])
    mail_language: str = Field(
        LANGUAGE, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", examples=["de"]
    )
