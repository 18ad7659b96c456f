"""What the flows need from the outside world. Read this page before writing an adapter.

An adapter is any class with these methods; there is nothing to inherit.
`tokenpair.testing.store_contract` has the contract suite that a storage must pass.
"""

from tokenpair.ports.accounts import Users
from tokenpair.ports.clock import Clock
from tokenpair.ports.feed import FeedPage, FeedPosition, WakeUp, Watch
from tokenpair.ports.passwords import PasswordHasher, Verified
from tokenpair.ports.sessions import Sessions
from tokenpair.ports.storage import Storage, UnitOfWork

__all__ = [
    "Clock",
    "FeedPage",
    "FeedPosition",
    "PasswordHasher",
    "Sessions",
    "Storage",
    "UnitOfWork",
    "Users",
    "Verified",
    "WakeUp",
    "Watch",
]
