"""tokenpair: sign-up, log-in and sessions for FastAPI, built around the token pair.

A public name is imported when it is first used: so `import tokenpair.client` loads the client only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenpair.auth import Auth
    from tokenpair.backends import database_url
    from tokenpair.core.accounts.email import EmailAddress
    from tokenpair.core.accounts.export import AccountExport
    from tokenpair.core.accounts.password_policy import PasswordPolicy
    from tokenpair.core.accounts.sign_up_mode import SignUpMode
    from tokenpair.core.accounts.user import User
    from tokenpair.core.counts import Counts, MailOutcome
    from tokenpair.core.events import LogInOutcome, RenewalOutcome
    from tokenpair.core.health import Condition, Health
    from tokenpair.core.limits import LimitName
    from tokenpair.core.mail import MailPurpose
    from tokenpair.core.message import Message
    from tokenpair.core.sessions.client import Device
    from tokenpair.core.sessions.mint import IssuedAccessToken, TokenPair
    from tokenpair.core.sessions.rule import EndReason, Session, Windows
    from tokenpair.core.tokens.claims import AccessClaims, Claims, RefreshClaims
    from tokenpair.core.tokens.key import Key
    from tokenpair.core.tokens.keyring import Keyring
    from tokenpair.core.tokens.lifetimes import Lifetimes
    from tokenpair.options import BreachOptions, Edge, FeedOptions, MailOptions, Rules
    from tokenpair.passwords import Argon2Cost, Argon2Passwords
    from tokenpair.settings import Settings

__all__ = [
    "AccessClaims",
    "AccountExport",
    "Argon2Cost",
    "Argon2Passwords",
    "Auth",
    "BreachOptions",
    "Claims",
    "Condition",
    "Counts",
    "Device",
    "Edge",
    "EmailAddress",
    "EndReason",
    "FeedOptions",
    "Health",
    "IssuedAccessToken",
    "Key",
    "Keyring",
    "Lifetimes",
    "LimitName",
    "LogInOutcome",
    "MailOptions",
    "MailOutcome",
    "MailPurpose",
    "Message",
    "PasswordPolicy",
    "RefreshClaims",
    "RenewalOutcome",
    "Rules",
    "Session",
    "Settings",
    "SignUpMode",
    "TokenPair",
    "User",
    "Windows",
    "database_url",
]

_MODULES = {
    "AccessClaims": "tokenpair.core.tokens.claims",
    "AccountExport": "tokenpair.core.accounts.export",
    "Argon2Cost": "tokenpair.passwords",
    "Argon2Passwords": "tokenpair.passwords",
    "Auth": "tokenpair.auth",
    "BreachOptions": "tokenpair.options",
    "Claims": "tokenpair.core.tokens.claims",
    "Condition": "tokenpair.core.health",
    "Counts": "tokenpair.core.counts",
    "Device": "tokenpair.core.sessions.client",
    "Edge": "tokenpair.options",
    "EmailAddress": "tokenpair.core.accounts.email",
    "EndReason": "tokenpair.core.sessions.rule",
    "FeedOptions": "tokenpair.options",
    "Health": "tokenpair.core.health",
    "IssuedAccessToken": "tokenpair.core.sessions.mint",
    "Key": "tokenpair.core.tokens.key",
    "Keyring": "tokenpair.core.tokens.keyring",
    "Lifetimes": "tokenpair.core.tokens.lifetimes",
    "LimitName": "tokenpair.core.limits",
    "LogInOutcome": "tokenpair.core.events",
    "MailOptions": "tokenpair.options",
    "MailOutcome": "tokenpair.core.counts",
    "MailPurpose": "tokenpair.core.mail",
    "Message": "tokenpair.core.message",
    "PasswordPolicy": "tokenpair.core.accounts.password_policy",
    "RefreshClaims": "tokenpair.core.tokens.claims",
    "RenewalOutcome": "tokenpair.core.events",
    "Rules": "tokenpair.options",
    "Session": "tokenpair.core.sessions.rule",
    "Settings": "tokenpair.settings",
    "SignUpMode": "tokenpair.core.accounts.sign_up_mode",
    "TokenPair": "tokenpair.core.sessions.mint",
    "User": "tokenpair.core.accounts.user",
    "Windows": "tokenpair.core.sessions.rule",
    "database_url": "tokenpair.backends",
}

# Not for a type checker, which would then accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return found

    def __dir__() -> list[str]:
        """Return the names of the module, also of those that are not imported yet."""
        return sorted({*globals(), *__all__})
