"""How flows limit attempts: one call for each kind of attempt. The rules are in `core.limits`."""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from tokenpair.core import limits as rules
from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.events import Notify
from tokenpair.core.limits import (
    KNOWN,
    Limit,
    LimitReached,
    Place,
    Refused,
    Taken,
    key_of,
    network_of,
)
from tokenpair.core.sessions.client import Device
from tokenpair.errors import InvalidInput, TooManyRequests, Unavailable
from tokenpair.ports import Clock, LimitCounters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits that a flow with a field `limits: Limits` asks for.

    An account is named by its address, so that an unknown one is limited in the same way. A client
    is named by `Device.ip`; without it, only the limits of the account hold: these are delays that
    grow, and never a count that a stranger can use up. All methods raise `Unavailable` when the
    counters cannot be reached: an outage never opens a door.
    """

    limit_counters: LimitCounters
    clock: Clock
    notify: Notify

    @asynccontextmanager
    async def password(self, email: str | EmailAddress, device: Device) -> AsyncIterator[None]:
        """Count the comparison of a password in the block, before it begins.

        A block that ends without an error was a success: it does not count, clears the failures of
        the account in a row, and makes the client's address known to the account. A block that
        raises `Unavailable` does not count. Raises `TooManyRequests`, for unknown accounts, too.
        """
        account, network = _account(email), network_of(device.ip)
        in_a_row, known = _in_a_row(account), _known(account, network)
        places = [Place(limit=rules.PASSWORD_IN_A_ROW, key=in_a_row, unless=known)]
        if network:
            places.append(_place(rules.PASSWORD, account, network))
            places.append(_place(rules.PASSWORD_ADDRESS, network))
        async with self._guess(places, clear=[in_a_row], known=known):
            yield

    @asynccontextmanager
    async def mail_token(self, device: Device) -> AsyncIterator[None]:
        """Count the look at a token from a mail in the block; a success does not count.

        Raises `TooManyRequests`.
        """
        network = network_of(device.ip)
        places = [_place(rules.MAIL_TOKEN, network)] if network else []
        async with self._guess(places):
            yield

    async def sign_up(self, device: Device) -> None:
        """Count a sign-up. Raises `TooManyRequests`."""
        if network := network_of(device.ip):
            await self._count(_place(rules.SIGN_UP, network))

    async def forgotten_password(self, email: str | EmailAddress, device: Device) -> bool:
        """Count a request for a mail to reset a password; return whether to send one.

        The answer to the client is the same. Raises `TooManyRequests` for the client's address.
        An address that has logged in lately is asked for neither count of the account.
        """
        account, network = _account(email), network_of(device.ip)
        places = [_place(rules.FORGOTTEN_ACCOUNT, account)]
        if network:
            await self._count(_place(rules.FORGOTTEN_ADDRESS, network))
            places.append(_place(rules.FORGOTTEN, account, network))
        known = _known(account, network)
        return await self._accepts(*(replace(each, unless=known) for each in places))

    async def verification_mail(self, email: str | EmailAddress) -> bool:
        """Count a request for a mail to verify an address; return whether to send one."""
        return await self._accepts(_place(rules.VERIFICATION, _account(email)))

    async def change_of_address(self, email: EmailAddress) -> None:
        """Count a mail to the new address of an account.

        Raises `TooManyRequests`, so that a user cannot send mails to many strangers. The mails that
        verify the old address have a count of their own. A user who mistyped the address at sign-up
        requests such mails, receives none, and then changes the address.
        """
        await self._count(_place(rules.VERIFICATION, _account(email), "new address"))

    async def password_replaced(self, email: str | EmailAddress, device: Device) -> None:
        """Forget failures in a row and mails for a reset: one has proved who owns the account.

        The client's address is known from now on, so an attack does not keep the owner out.
        """
        account = _account(email)
        known = _known(account, network_of(device.ip))
        mails = key_of(rules.FORGOTTEN_ACCOUNT.name, account)
        await self._release([], clear=[_in_a_row(account), mails], known=known)

    @asynccontextmanager
    async def _guess(
        self, places: Sequence[Place], *, clear: Sequence[bytes] = (), known: bytes | None = None
    ) -> AsyncIterator[None]:
        taken = await self._take(places)
        try:
            yield
        except Unavailable:  # Nothing was compared.
            await self._release(taken)
            raise
        await self._release([each for each in taken if each.key not in clear], clear, known)

    async def _count(self, place: Place) -> None:
        await self._take([place])

    async def _accepts(self, *places: Place) -> bool:
        try:
            await self._take(places)
        except TooManyRequests:
            return False
        return True

    async def _take(self, places: Sequence[Place]) -> Sequence[Taken]:
        if not places:
            return []
        now = self.clock()
        result = await self.limit_counters.reserve(places, now)
        if isinstance(result, Refused):
            self.notify(LimitReached(limit=result.limit))
            raise TooManyRequests(
                f"the limit {result.limit.value} is reached", retry_after=result.seconds(now)
            )
        return result

    async def _release(
        self, taken: Sequence[Taken], clear: Sequence[bytes] = (), known: bytes | None = None
    ) -> None:
        if not (taken or clear or known):
            return
        now = self.clock()
        try:
            await self.limit_counters.release(taken, now, clear=clear, known=_until(known, now))
        except Unavailable as exc:
            # The work is done, and its answer must not depend on this: the places stay taken.
            _log.warning("a success could not be recorded for the limits: %s", exc)


def _until(known: bytes | None, now: datetime) -> Mapping[bytes, datetime]:
    return {known: now + KNOWN} if known else {}


def _place(limit: Limit, *of: str) -> Place:
    return Place(limit=limit, key=key_of(limit.name, *of))


def _in_a_row(account: str) -> bytes:
    return key_of(rules.PASSWORD_IN_A_ROW.name, account)


def _known(account: str, network: str | None) -> bytes | None:
    return key_of("known", account, network) if network else None


def _account(email: str | EmailAddress) -> str:
    """Return the canonical address, or a text that is not an address as it is."""
    with contextlib.suppress(InvalidInput):
        address = EmailAddress.parse(email) if isinstance(email, str) else email
        return address.canonical
    return str(email)
