"""tokenpair: sign-up, log-in and sessions for FastAPI, built around the token pair."""

from tokenpair.assembly import database_url
from tokenpair.auth import Auth
from tokenpair.core.claims import AccessClaims, Claims, RefreshClaims
from tokenpair.core.counts import Counts, LogInOutcome, RenewalOutcome
from tokenpair.core.email import EmailAddress
from tokenpair.core.health import Condition, Health
from tokenpair.core.key import Key
from tokenpair.core.keyring import Keyring
from tokenpair.core.pair import Lifetimes, TokenPair
from tokenpair.core.password import PasswordPolicy
from tokenpair.core.session import EndReason, Session, Windows
from tokenpair.core.user import User
from tokenpair.flows.log_in import Device
from tokenpair.settings import Settings

__all__ = [
    "AccessClaims",
    "Auth",
    "Claims",
    "Condition",
    "Counts",
    "Device",
    "EmailAddress",
    "EndReason",
    "Health",
    "Key",
    "Keyring",
    "Lifetimes",
    "LogInOutcome",
    "PasswordPolicy",
    "RefreshClaims",
    "RenewalOutcome",
    "Session",
    "Settings",
    "TokenPair",
    "User",
    "Windows",
    "database_url",
]
