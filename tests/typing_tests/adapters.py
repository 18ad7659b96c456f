"""Adapters of one's own: any class with a port's methods is one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from tokenpair import Auth, BreachOptions, FeedOptions, Key, Keyring, MailOptions, Message
from tokenpair.errors import MailRefused
from tokenpair.ports import (
    BreachCheck,
    Clock,
    LimitCounters,
    MailSender,
    PasswordHasher,
    Place,
    Refused,
    Storage,
    Taken,
    Verified,
    WakeUp,
)
from tokenpair.settings import EnvironmentSettings, read_settings
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import FakeClock, make_auth
from tokenpair.testing.store_contract import LimitsContract, StorageContract

T = TypeVar("T")


class PlainPasswords:
    """For tests of an app that logs in ten thousand times."""

    running: int = 0
    waiting: int = 0

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        return Verified(is_right=password_hash == f"plain:{password}")

    async def in_turn(self, work: Callable[[], T]) -> T:
        return work()


class NoBooks:
    async def is_breached(self, password: str) -> bool:
        return "book" in password


class QueueSender:
    queue: list[tuple[str, str, str, str | None, str | None]]

    async def send(self, message: Message) -> None:
        if "@" not in message.recipient:
            raise MailRefused("no such mailbox")
        parts = (message.recipient, message.subject, message.text, message.html, message.link)
        self.queue.append(parts)


class ShopSettings(EnvironmentSettings, env_prefix="SHOP_"):
    currency: str = "EUR"


class TestShopStorage(StorageContract):
    pass


class ShopLimits:
    """Counters elsewhere. These refuse every attempt."""

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        return Refused(limit=places[0].limit.name, until=now)

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        pass

    async def close(self) -> None:
        pass


class TestShopLimits(LimitsContract):
    pass


def now() -> datetime:
    return datetime.now(UTC)


clock: Clock = now
fake_clock: Clock = FakeClock()
hasher: PasswordHasher = PlainPasswords()
breach_check: BreachCheck = NoBooks()
mail_sender: MailSender = QueueSender()
limits: LimitCounters = ShopLimits()
memory: Storage = MemoryStorage()
sql: Storage = SqlStorage.from_url("sqlite:///books.db")
shop: ShopSettings = read_settings(ShopSettings)
auth: Auth = make_auth(
    passwords=PlainPasswords(),
    mail_options=MailOptions(sender=QueueSender(), language="de"),
    breaches=BreachOptions(check=NoBooks(), required=True),
)


def from_the_environment() -> Auth:
    return Auth.from_settings(passwords=PlainPasswords(), breach_check=NoBooks())


def with_a_wake_up(storage: Storage, wake_up: WakeUp) -> Auth:
    keyring = Keyring([Key.generate()])
    feed_options = FeedOptions(wake_up=wake_up)
    return Auth(
        storage=storage, keyring=keyring, issuer="https://a.test", feed_options=feed_options
    )
