"""All groups of settings as one."""

from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.origin import origin_of
from tokenpair.options import Edge, MailOptions, Rules
from tokenpair.settings.accounts import AccountSettings
from tokenpair.settings.application import ApplicationSettings
from tokenpair.settings.cookies import CookieSettings
from tokenpair.settings.environment import read_settings
from tokenpair.settings.feed import FeedSettings
from tokenpair.settings.fields import PREFIX
from tokenpair.settings.keys import KeySettings
from tokenpair.settings.limits import LimitSettings
from tokenpair.settings.mail import MailSettings
from tokenpair.settings.passwords import PasswordSettings
from tokenpair.settings.sessions import SessionSettings


class Settings(
    AccountSettings,
    PasswordSettings,
    FeedSettings,
    SessionSettings,
    CookieSettings,
    KeySettings,
    LimitSettings,
    MailSettings,
    ApplicationSettings,
):
    """What an operator decides. Read with `Settings.read()`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix=PREFIX)

    @classmethod
    def read(cls, **given: object) -> Self:
        """Read the environment and `.env`; `given` (by field name) takes precedence over both.

        Raises `ConfigurationError`.
        """
        return read_settings(cls, **given)

    @model_validator(mode="after")
    def _require_for_production(self) -> Self:
        if not self.is_production:
            return self
        if not self.keys and not self.keys_file:
            raise ValueError(
                f"{PREFIX}KEYS_FILE must be set in production; "
                "make one with: tokenpair keys new --file keys.json"
            )
        if not self.base_url.startswith("https://"):
            raise ValueError(
                f"{PREFIX}BASE_URL must be set to an https URL in production, "
                "for example https://books.example.com"
            )
        if self.link_base_url and not self.link_base_url.startswith("https://"):
            raise ValueError(
                f"{PREFIX}LINK_BASE_URL must be an https URL in production, "
                "for example https://books.example.com"
            )
        if "trusted_proxy_hops" not in self.model_fields_set:
            # Behind a proxy, a wrong 0 would limit all users as if they were one client.
            raise ValueError(
                f"{PREFIX}TRUSTED_PROXY_HOPS must be set in production: the number of proxies "
                "in front of the app that append to X-Forwarded-For; 0 without a proxy"
            )
        return self

    @model_validator(mode="after")
    def _require_valkey_url(self) -> Self:
        if self.limits == "valkey" and not self.valkey_url:
            raise ValueError(
                f"{PREFIX}VALKEY_URL must be set for {PREFIX}LIMITS=valkey, "
                "for example valkey://localhost:6379"
            )
        return self

    @model_validator(mode="after")
    def _require_mail_for_invitations(self) -> Self:
        # Without mail, an app's own sender is not used either.
        if self.sign_up_mode is SignUpMode.INVITED and not self.mail:
            raise ValueError(
                f"{PREFIX}SIGN_UP=invited needs mail: set {PREFIX}MAIL=on, or "
                f"{PREFIX}SIGN_UP=closed if only your app makes accounts"
            )
        return self

    @property
    def rules(self) -> Rules:
        """The rules of accounts, tokens and sessions.

        Raises `ConfigurationError` for lifetimes and windows that contradict each other.
        """
        service = urlsplit(self.base_url).hostname or ""
        return Rules(
            policy=PasswordPolicy(
                min_length=self.password_min_length,
                context_words=self.words_of_the_app | {"tokenpair", service},
            ),
            breaches=self.breaches,
            lifetimes=self.lifetimes,
            windows=self.windows,
            sign_up=self.sign_up_mode,
            default_roles=self.roles_of_new_accounts,
        )

    @property
    def edge(self) -> Edge:
        """What only the HTTP edge needs."""
        return Edge(
            trusted_proxy_hops=self.trusted_proxy_hops,
            token_cache_size=self.token_cache_size,
            cookies=self.cookies,
            origins=self.allowed_origins | {origin_of(self.base_url)},
        )

    @property
    def mail_options(self) -> MailOptions:
        """Whether and how mails are sent. Their links lead to the base URL by default."""
        return MailOptions(
            is_on=self.mail,
            link_base_url=self.link_base_url or self.base_url,
            from_address=self.mail_from,
            templates=self.mail_templates,
            language=self.mail_language,
        )
