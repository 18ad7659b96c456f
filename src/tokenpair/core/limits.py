"""Rules and arithmetic of rate limits: how many attempts are accepted, and when the next one is.

An attempt takes a place at each of its counters before the work begins, or at none of them. A
counter accepts attempts until it is closed, and is forgotten when it ends.
"""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from tokenpair.core.events import Event

KNOWN = timedelta(days=30)
"""How long a client address is known to an account after a log-in from there."""

COUNTER_KEPT = timedelta(minutes=1)
"""How long a counter is kept after it has ended: another worker's clock may be behind."""


class LimitName(Enum):
    """The limits, by the names that metrics and logs have for them."""

    PASSWORD = "password"  # noqa: S105  Of one account, from one client address.
    PASSWORD_ADDRESS = "password_address"  # noqa: S105  From one client address.
    PASSWORD_IN_A_ROW = "password_in_a_row"  # noqa: S105  Of one account, from unknown addresses.
    SIGN_UP = "sign_up"
    FORGOTTEN = "forgotten_password"  # Of one account, from one client address.
    FORGOTTEN_ACCOUNT = "forgotten_password_account"  # Of one account, from unknown addresses.
    FORGOTTEN_ADDRESS = "forgotten_password_address"
    VERIFICATION = "verification_mail"
    MAIL_TOKEN = "mail_token"  # noqa: S105  Its name.


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Accepts `count` attempts in a `period`, which begins with the first of them.

    With `waits` it never stops accepting attempts: each one beyond `count` has to wait for the
    next of the `waits`, the last of which repeats. The counter ends a `period` after the latest
    attempt.
    """

    name: LimitName
    count: int
    period: timedelta
    waits: tuple[timedelta, ...] = ()

    def period_of(self, ends_at: datetime) -> datetime | None:
        """Return what tells a counter's periods apart, for `Taken`."""
        return None if self.waits else ends_at

    def wait_after(self, used: int) -> timedelta | None:
        """Return how long to wait after attempt number `used`; None for no wait."""
        beyond = used - self.count
        if not self.waits or beyond < 0:
            return None
        return self.waits[min(beyond, len(self.waits) - 1)]


PASSWORD = Limit(name=LimitName.PASSWORD, count=5, period=timedelta(minutes=1))
PASSWORD_ADDRESS = Limit(name=LimitName.PASSWORD_ADDRESS, count=30, period=timedelta(minutes=1))
PASSWORD_IN_A_ROW = Limit(
    name=LimitName.PASSWORD_IN_A_ROW,
    count=100,
    period=timedelta(days=30),
    # 1, 2, 4 … 512 seconds, then a quarter of an hour.
    waits=tuple(timedelta(seconds=min(2**number, 900)) for number in range(11)),
)
SIGN_UP = Limit(name=LimitName.SIGN_UP, count=20, period=timedelta(hours=1))
FORGOTTEN = Limit(name=LimitName.FORGOTTEN, count=3, period=timedelta(hours=1))
FORGOTTEN_ACCOUNT = Limit(
    name=LimitName.FORGOTTEN_ACCOUNT,
    count=10,
    period=timedelta(days=1),
    # Never longer than half of the lifetime of a link. A request that is left out then follows a
    # mail with a valid link, so that strangers cannot keep the owner from one.
    waits=tuple(timedelta(minutes=each) for each in (1, 2, 4, 8, 15)),
)
FORGOTTEN_ADDRESS = Limit(name=LimitName.FORGOTTEN_ADDRESS, count=10, period=timedelta(hours=1))
VERIFICATION = Limit(name=LimitName.VERIFICATION, count=3, period=timedelta(hours=1))
MAIL_TOKEN = Limit(name=LimitName.MAIL_TOKEN, count=10, period=timedelta(minutes=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReached(Event):
    """An attempt was refused by a limit, or a mail was left out silently."""

    limit: LimitName


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place that an attempt takes at the counter with this key.

    An attempt does not need it while the key `unless` is known.
    """

    limit: Limit
    key: bytes
    unless: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A counter: attempts so far, when it ends, and until when it accepts none. None: it accepts.

    A known key is a counter without attempts.
    """

    used: int
    ends_at: datetime
    closed_until: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Does it still count?"""
        return now < self.ends_at

    def is_closed(self, now: datetime) -> bool:
        """Does it refuse an attempt at `now`?"""
        return self.is_live(now) and self.closed_until is not None and now < self.closed_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A place that was taken at a counter.

    `ends_at` tells the counter's periods apart. None: it has no periods, but waits.
    """

    key: bytes
    ends_at: datetime | None

    def is_of(self, counter: Counter) -> bool:
        """Is the place one of the counter's present period?"""
        return self.ends_at is None or self.ends_at == counter.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No place was taken: a counter is closed until `until`."""

    limit: LimitName
    until: datetime

    def seconds(self, now: datetime) -> int:
        """Return the whole number of seconds after which an attempt is accepted; at least 1."""
        return max(1, math.ceil((self.until - now).total_seconds()))


def take(counter: Counter | None, limit: Limit, now: datetime) -> Counter:
    """Return a counter after one more attempt, which the caller has found it to accept."""
    live = counter if counter and counter.is_live(now) else None
    used = live.used + 1 if live else 1
    if limit.waits:
        wait = limit.wait_after(used)
        closed_until = now + wait if wait else None
        return Counter(used=used, ends_at=now + limit.period, closed_until=closed_until)
    ends_at = live.ends_at if live else now + limit.period
    return Counter(
        used=used, ends_at=ends_at, closed_until=ends_at if used >= limit.count else None
    )


def give_back(counter: Counter) -> Counter:
    """Return a counter with one attempt less, and open."""
    return replace(counter, used=max(counter.used - 1, 0), closed_until=None)


def refusal(
    places: Sequence[Place], closed_until: dict[bytes, datetime], now: datetime
) -> Refused | None:
    """Return the refusal that lasts longest, or None if each place is free.

    `closed_until` has the counters that are closed.
    """
    refused = [
        Refused(limit=each.limit.name, until=closed_until[each.key])
        for each in places
        if each.key in closed_until and closed_until[each.key] > now
    ]
    return max(refused, key=lambda each: each.until, default=None)


def key_of(limit: LimitName | str, *parts: str) -> bytes:
    """Return a counter's key: a hash, so that the counters show no address."""
    digest = hashlib.sha256()
    for part in (limit.value if isinstance(limit, LimitName) else limit, *parts):
        # With its length, so that no two lists of parts are hashed as the same bytes.
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.digest()


_UNREADABLE = "?"


def network_of(address: str | None) -> str | None:
    """Return what a client address is counted by: itself; of an IPv6 address, its /64 network.

    One client has all addresses of such a network. Return None without an address. Every text that
    is not an address is counted as one.
    """
    if not address:
        return None
    for text in (address, _without_port(address)):
        try:
            parsed = ipaddress.ip_address(text)
        except ValueError:
            continue
        if isinstance(parsed, ipaddress.IPv4Address):
            return str(parsed)
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
    return _UNREADABLE


def _without_port(address: str) -> str:
    """Return the address in "192.0.2.1:4711" and "[2001:db8::1]:4711", as some proxies write it."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
