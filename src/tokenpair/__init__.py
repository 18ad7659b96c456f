"""tokenpair: sign-up, log-in and sessions for FastAPI, built around the token pair."""

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
