"""The verbs of `Auth` in any order, beside the model that says what each must do."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.life.model import Account, Life, Session
from tokenpair import Auth, TokenPair
from tokenpair.errors import AuthError
from tokenpair.ids import uuid7
from tokenpair.testing import FakeClock, empty_storage

_T = TypeVar("_T")

PASSWORDS = ["seven green umbrellas", "eleven quiet lanterns", "forty paper sailboats"]
NAMES = ["ada", "bob", "eve"]
ROLES = ["admin", "author"]
MOST_DEVICES = 12

WRONG = "six loud accordions"

names = st.sampled_from(NAMES)
passwords = st.sampled_from(PASSWORDS)
mostly = st.sampled_from([True, True, True, False])
indices = st.integers(min_value=0, max_value=5)


@dataclass
class Device:
    """The tokens that one device has stored, and the session that the model has for it."""

    session: Session
    access: str
    refresh: str


class LifeMachine(RuleBasedStateMachine):
    """Accounts at three addresses, of which each example has its own."""

    def __init__(self, runner: asyncio.Runner, auth: Auth, clock: FakeClock) -> None:
        super().__init__()
        self.runner = runner
        self.auth = auth
        self.clock = clock
        self.life = Life()
        self.ids: dict[int, UUID] = {}
        self.devices: list[Device] = []
        self.waited = timedelta()

    @initialize(password=passwords)
    def begin_with_an_account(self, password: str) -> None:
        self.domain = f"{uuid7().hex}.example.com"
        # Mails of the example before would otherwise wait.
        self.runner.run(empty_storage(self.auth))
        self.sign_up("ada", password)
        self.log_in(0, is_right=True)

    # What a user does.

    @rule(name=names, password=passwords)
    def sign_up(self, name: str, password: str) -> None:
        email = self.address(name)

        code, user = self.attempt(self.auth.sign_up(email=email, password=password))

        assert code == self.life.sign_up(email, password)
        if user:
            self.ids[id(self.life.accounts[-1])] = user.id

    @rule(which=indices, is_right=mostly)
    def log_in(self, which: int, *, is_right: bool) -> None:
        account = self.account(which)
        email, password = account.address, account.password if is_right else WRONG

        code, pair = self.attempt(self.auth.log_in(email=email, password=password))

        session = self.life.log_in(email, password, self.clock())
        assert code == ("" if session else "invalid_credentials")
        if pair and session:
            del self.devices[: 1 - MOST_DEVICES]
            self.devices.append(Device(session, pair.access_token, pair.refresh_token))

    @rule(which=indices, is_answer_lost=st.booleans())
    def renew(self, which: int, *, is_answer_lost: bool) -> None:
        self.renew_on(self.device(which), is_answer_lost=is_answer_lost)

    def renew_on(self, device: Device, *, is_answer_lost: bool = False) -> None:
        code, pair = self.attempt(self.auth.renew(device.refresh))

        told = (device.session.issued_at, device.session.version, device.session.says_verified)
        assert code == self.life.renew(device.session, self.clock())
        if pair and not is_answer_lost:
            self.store(device, pair)
        elif pair:
            device.session.issued_at, device.session.version, device.session.says_verified = told

    @rule(which=indices, is_renewed=mostly, is_right=mostly)
    def reauthenticate(self, which: int, *, is_renewed: bool, is_right: bool) -> None:
        device = self.device(which, is_renewed=is_renewed)
        password = device.session.account.password if is_right else WRONG

        async def reauthenticate() -> str:
            claims = await self.auth.verify_access(device.access)
            return (await self.auth.reauthenticate(claims, password)).access_token

        code, token = self.attempt(reauthenticate())

        assert code == self.life.reauthenticate(device.session, password, self.clock())
        device.access = token or device.access

    @rule(which=indices, is_refresh=st.booleans())
    def log_out(self, which: int, *, is_refresh: bool) -> None:
        device = self.device(which)
        token = device.refresh if is_refresh else device.access

        assert self.attempt(self.auth.log_out(token)) == ("", None)

        device.session.is_live = False

    @rule(which=indices)
    def log_out_everywhere(self, which: int) -> None:
        account = self.account(which)

        code, number = self.attempt(self.auth.log_out_everywhere(self.id_of(account)))

        assert (code, number) == ("", len(account.live))
        account.end_sessions()

    @rule(which=indices, whose=indices)
    def log_out_elsewhere(self, which: int, whose: int) -> None:
        """Keep one session, which need not be the account's own: then all its sessions end."""
        kept, account = self.device(which).session, self.account(whose)
        others = [each for each in account.live if each is not kept]

        code, number = self.attempt(
            self.auth.log_out_elsewhere(self.id_of(account), keep=self.session_id(which))
        )

        assert (code, number) == ("", len(others))
        account.end_sessions(but=kept)

    @rule(which=indices, whose=indices)
    def end_a_session(self, which: int, whose: int) -> None:
        """End a session in the list of an account, which need not be its own."""
        session, account = self.device(which).session, self.account(whose)

        code, _ = self.attempt(self.auth.end_session(self.id_of(account), self.session_id(which)))

        is_there = session.is_live and session.account is account
        assert code == ("" if is_there else "not_found")
        session.is_live = session.is_live and not is_there

    @rule(which=indices, is_renewed=mostly, proof=st.sampled_from(["", "password", WRONG]))
    def delete_own_account(self, which: int, proof: str, *, is_renewed: bool) -> None:
        device = self.device(which, is_renewed=is_renewed)
        password = device.session.account.password if proof == "password" else proof or None

        async def delete() -> None:
            claims = await self.auth.verify_access(device.access)
            await self.auth.delete_own_account(claims, password)

        code, _ = self.attempt(delete())

        assert code == self.life.delete_own(device.session, password, self.clock())

    # What the operator does.

    @rule(which=indices)
    def mark_verified(self, which: int) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.mark_verified(self.id_of(account)))

        assert code == self.life.mark_verified(account)

    @precondition(lambda self: not all(each.is_deleted for each in self.life.accounts))
    @rule(which=indices)
    def delete(self, which: int) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.delete(self.id_of(account)))

        assert code == self.life.delete(account)

    @rule(which=indices, roles=st.frozensets(st.sampled_from(ROLES)))
    def set_roles(self, which: int, roles: frozenset[str]) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.set_roles(self.id_of(account), roles))

        assert code == self.life.set_roles(account, roles)

    @rule(which=indices, is_disabled=st.booleans())
    def disable_or_enable(self, which: int, *, is_disabled: bool) -> None:
        account = self.account(which)
        verb = self.auth.disable if is_disabled else self.auth.enable

        code, _ = self.attempt(verb(self.id_of(account)))

        assert code == self.life.set_disabled(account, is_disabled=is_disabled)

    # Time. Sessions that expire are another machine's subject.

    @precondition(lambda self: self.waited < timedelta(days=5))
    @rule(minutes=st.sampled_from([1, 1, 6, 11, 31, 61, 24 * 60 + 1]))
    def wait(self, minutes: int) -> None:
        self.waited += timedelta(minutes=minutes)
        self.clock.advance(minutes=minutes)

    # What must hold after each step.

    @invariant()
    def each_access_token_is_accepted_or_refused_as_the_model_says(self) -> None:
        for device in self.devices:
            code, claims = self.attempt(self.auth.verify_access(device.access))
            assert code == device.session.access(self.clock())
            if claims:
                session = device.session
                assert claims.subject == self.id_of(session.account)
                assert claims.roles == session.account.roles
                assert claims.authenticated_at == session.authenticated_at
                assert claims.email_verified == session.says_verified

    @invariant()
    def each_account_is_what_the_model_says(self) -> None:
        for account in self.life.accounts:
            code, user = self.attempt(self.auth.get_user(self.id_of(account)))
            assert code == ("session_ended" if account.is_deleted else "")
            if user:
                assert user.email.typed == account.address
                assert (user.email_verified_at is not None) is account.is_verified
                assert (user.roles, user.version) == (account.roles, account.version)
                assert user.is_enabled is not account.is_disabled
            _, live = self.attempt(self.auth.list_sessions(self.id_of(account)))
            assert live is not None
            assert len(live) == len(account.live)

    # Helpers.

    def attempt(self, call: Awaitable[_T]) -> tuple[str, _T | None]:
        """Return the code of the error that was raised, or the result."""

        async def attempt() -> _T:
            return await call

        try:
            return "", self.runner.run(attempt())
        except AuthError as exc:
            return exc.code, None

    def address(self, name: str) -> str:
        return f"{name}@{self.domain}"

    def account(self, which: int) -> Account:
        """Return an account; deleted ones come last."""
        found = sorted(self.life.accounts, key=lambda each: each.is_deleted)
        return found[which % len(found)]

    def id_of(self, account: Account) -> UUID:
        return self.ids[id(account)]

    def device(self, which: int, *, is_renewed: bool = False) -> Device:
        """Return a device, which may renew first, as clients do."""
        if not is_renewed:
            return self.devices[which % len(self.devices)]
        if not any(each.session.is_live for each in self.devices):
            self.come_back()
        live = [each for each in self.devices if each.session.is_live]
        device = live[which % len(live)]
        self.renew_on(device)
        return device

    def come_back(self) -> None:
        """Log in at some account, or most of an example would try what is over."""
        usable = [each for each in self.life.accounts if not each.is_deleted]
        if not usable:
            self.sign_up(NAMES[0], PASSWORDS[0])
            usable = [self.life.accounts[-1]]
        which = sorted(self.life.accounts, key=lambda each: each.is_deleted).index(usable[0])
        self.disable_or_enable(which, is_disabled=False)
        self.log_in(which, is_right=True)

    def session_id(self, which: int) -> UUID:
        return self.auth._parts.codec.decode(self.device(which).access).session_id

    def store(self, device: Device, pair: TokenPair) -> None:
        device.access, device.refresh = pair.access_token, pair.refresh_token
