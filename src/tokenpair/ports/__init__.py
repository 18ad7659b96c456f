"""What the flows need from the outside, as protocols. Read them before you write an adapter.

An adapter is any class with these methods: there is no base class. A storage must pass the
contract suite in `tokenpair.testing.store_contract`.
"""

from tokenpair.core.limits import Limit, Place, Refused, Taken
from tokenpair.ports.accounts import Users
from tokenpair.ports.clock import Clock
from tokenpair.ports.export import Export
from tokenpair.ports.feed import FeedPage, FeedPosition, WakeUp, Watch
from tokenpair.ports.limits import LimitCounters
from tokenpair.ports.mail import MailSender
from tokenpair.ports.one_time import OneTimeTokens
from tokenpair.ports.outbox import Outbox
from tokenpair.ports.passwords import BreachCheck, KnowsFormats, PasswordHasher, Verified
from tokenpair.ports.sessions import Sessions
from tokenpair.ports.storage import Storage, UnitOfWork

__all__ = [
    "BreachCheck",
    "Clock",
    "Export",
    "FeedPage",
    "FeedPosition",
    "KnowsFormats",
    "Limit",
    "LimitCounters",
    "MailSender",
    "OneTimeTokens",
    "Outbox",
    "PasswordHasher",
    "Place",
    "Refused",
    "Sessions",
    "Storage",
    "Taken",
    "UnitOfWork",
    "Users",
    "Verified",
    "WakeUp",
    "Watch",
]
