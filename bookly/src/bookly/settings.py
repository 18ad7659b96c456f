"""Settings: Bookly's own, and tokenpair's.

They are read from BOOKLY_* and TOKENPAIR_* in the environment or `.env`.
"""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from tokenpair.settings import EnvironmentSettings, Settings, read_settings

DEFAULT_ROLES = "user"
"""The roles of a new account, unless `TOKENPAIR_DEFAULT_ROLES` names others."""

OWN_WORDS = "bookly"
"""Words that make a password easy to guess, unless `TOKENPAIR_PASSWORD_WORDS` names others."""


def _host(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or set(text) & set(" /@[]"):
        raise ValueError("must be an address or a host name")
    return text


class _Listening(EnvironmentSettings):
    model_config = SettingsConfigDict(env_prefix="BOOKLY_")

    host: Annotated[str, AfterValidator(_host)] = Field("127.0.0.1", examples=["0.0.0.0"])  # noqa: S104  An example.
    port: int = Field(8000, ge=0, le=65535, examples=["8000"])
    samples: bool | None = Field(None, examples=["true"])


@dataclass(frozen=True, slots=True, kw_only=True)
class BooklySettings:
    """All settings; `BooklySettings.read()` reads them. Port 0 means any free port.

    With `samples`, the first start adds the sample catalogue to an empty shelf.
    """

    host: str
    port: int
    auth: Settings
    samples: bool = False

    @classmethod
    def read(cls) -> Self:
        """Read the environment and `.env`. Raises `ConfigurationError`."""
        listening = read_settings(_Listening)
        auth = Settings.read()
        if "base_url" not in auth.model_fields_set and not auth.is_production:
            auth = auth.model_copy(update={"base_url": url_of(listening.host, listening.port)})
        if auth.mail_from is None:  # So that mails are Bookly's, and not those of a host.
            auth = auth.model_copy(update={"mail_from": f"Bookly <no-reply@{_host_of(auth)}>"})
        if "default_roles" not in auth.model_fields_set:
            auth = auth.model_copy(update={"default_roles": DEFAULT_ROLES})
        if "password_words" not in auth.model_fields_set:
            auth = auth.model_copy(update={"password_words": OWN_WORDS})
        if "cookies" not in auth.model_fields_set:
            auth = auth.model_copy(update={"cookies": True})  # For Bookly's page.
        samples = listening.samples
        if samples is None:
            samples = not auth.is_production
        return cls(host=listening.host, port=listening.port, auth=auth, samples=samples)


def url_of(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a server on that host and port."""
    if not _is_ip(host):
        return f"http://{host}:{port}"
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # It listens on every address, so loopback works.
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"


def _host_of(auth: Settings) -> str:
    """Return the host of the links in mails, as it is written in an address."""
    host = urlsplit(auth.link_base_url or auth.base_url).hostname or "localhost"
    return f"[{host}]" if ":" in host else host


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
