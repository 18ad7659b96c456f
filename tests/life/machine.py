"""The verbs of `Auth` in any order, beside the model that says what each must do."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.life.model import Account, Life, Session
from tokenpair import Auth, TokenPair
from tokenpair.errors import AuthError
from tokenpair.ids import uuid7
from tokenpair.testing import FakeClock

_T = TypeVar("_T")

PASSWORDS = ["seven green umbrellas", "eleven quiet lanterns", "forty paper sailboats"]
NAMES = ["ada", "bob", "eve"]
ROLES = ["admin", "author"]
MOST_SESSIONS = 6

names = st.sampled_from(NAMES)
passwords = st.sampled_from(PASSWORDS)
indices = st.integers(min_value=0, max_value=MOST_SESSIONS - 1)


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
        self.waited = 0

    @initialize()
    def take_new_addresses(self) -> None:
        self.domain = f"{uuid7().hex}.example.com"

    # What a user does.

    @rule(name=names, password=passwords)
    def sign_up(self, name: str, password: str) -> None:
        email = self.address(name)

        code, user = self.attempt(self.auth.sign_up(email=email, password=password))

        assert code == self.life.sign_up(email, password)
        if user:
            self.ids[id(self.life.accounts[-1])] = user.id

    @precondition(lambda self: self.life.accounts and len(self.devices) < MOST_SESSIONS)
    @rule(which=indices)
    def log_in(self, which: int) -> None:
        account = self.account(which)
        self.log_in_with(account.address, account.password)

    @precondition(lambda self: len(self.devices) < MOST_SESSIONS)
    @rule(name=names, password=passwords)
    def log_in_with_any_password(self, name: str, password: str) -> None:
        self.log_in_with(self.address(name), password)

    def log_in_with(self, email: str, password: str) -> None:
        code, pair = self.attempt(self.auth.log_in(email=email, password=password))

        session = self.life.log_in(email, password, self.clock())
        assert code == ("" if session else "invalid_credentials")
        if pair and session:
            self.devices.append(Device(session, pair.access_token, pair.refresh_token))

    @precondition(lambda self: self.devices)
    @rule(which=indices, is_answer_lost=st.booleans())
    def renew(self, which: int, *, is_answer_lost: bool) -> None:
        device = self.device(which)

        code, pair = self.attempt(self.auth.renew(device.refresh))

        told = (device.session.issued_at, device.session.version, device.session.says_verified)
        assert code == self.life.renew(device.session, self.clock())
        if pair and not is_answer_lost:
            self.store(device, pair)
        elif pair:
            device.session.issued_at, device.session.version, device.session.says_verified = told

    @precondition(lambda self: self.devices)
    @rule(which=indices, password=passwords)
    def reauthenticate(self, which: int, password: str) -> None:
        device = self.device(which)

        async def reauthenticate() -> str:
            claims = await self.auth.verify_access(device.access)
            return (await self.auth.reauthenticate(claims, password)).access_token

        code, token = self.attempt(reauthenticate())

        assert code == self.life.reauthenticate(device.session, password, self.clock())
        device.access = token or device.access

    @precondition(lambda self: self.devices)
    @rule(which=indices, is_refresh=st.booleans())
    def log_out(self, which: int, *, is_refresh: bool) -> None:
        device = self.device(which)
        token = device.refresh if is_refresh else device.access

        assert self.attempt(self.auth.log_out(token)) == ("", None)

        device.session.is_live = False

    @precondition(lambda self: self.life.accounts)
    @rule(which=indices)
    def log_out_everywhere(self, which: int) -> None:
        account = self.account(which)

        code, number = self.attempt(self.auth.log_out_everywhere(self.id_of(account)))

        assert (code, number) == ("", len(account.live))
        account.end_sessions()

    @precondition(lambda self: self.devices and self.life.accounts)
    @rule(which=indices, whose=indices)
    def end_a_session(self, which: int, whose: int) -> None:
        """End a session in the list of an account, which need not be its own."""
        session, account = self.device(which).session, self.account(whose)

        code, _ = self.attempt(self.auth.end_session(self.id_of(account), self.session_id(which)))

        is_there = session.is_live and session.account is account
        assert code == ("" if is_there else "not_found")
        session.is_live = session.is_live and not is_there

    @precondition(lambda self: self.devices)
    @rule(which=indices, password=st.none() | passwords)
    def delete_own_account(self, which: int, password: str | None) -> None:
        device = self.device(which)

        async def delete() -> None:
            claims = await self.auth.verify_access(device.access)
            await self.auth.delete_own_account(claims, password)

        code, _ = self.attempt(delete())

        assert code == self.life.delete_own(device.session, password, self.clock())

    # What the operator does.

    @precondition(lambda self: self.life.accounts)
    @rule(which=indices)
    def mark_verified(self, which: int) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.mark_verified(self.id_of(account)))

        assert code == self.life.mark_verified(account)

    @precondition(lambda self: self.life.accounts)
    @rule(which=indices)
    def delete(self, which: int) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.delete(self.id_of(account)))

        assert code == self.life.delete(account)

    @precondition(lambda self: self.life.accounts)
    @rule(which=indices, roles=st.frozensets(st.sampled_from(ROLES)))
    def set_roles(self, which: int, roles: frozenset[str]) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.set_roles(self.id_of(account), roles))

        assert code == self.life.set_roles(account, roles)

    @precondition(lambda self: self.life.accounts)
    @rule(which=indices, is_disabled=st.booleans())
    def disable_or_enable(self, which: int, *, is_disabled: bool) -> None:
        account = self.account(which)
        verb = self.auth.disable if is_disabled else self.auth.enable

        code, _ = self.attempt(verb(self.id_of(account)))

        assert code == self.life.set_disabled(account, is_disabled=is_disabled)

    # Time. Sessions that expire are another machine's subject.

    @rule(minutes=st.sampled_from([1, 11, 31, 61]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @precondition(lambda self: self.waited < 5)
    @rule()
    def wait_a_day(self) -> None:
        self.waited += 1
        self.clock.advance(hours=24, minutes=1)

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
        return self.life.accounts[which % len(self.life.accounts)]

    def id_of(self, account: Account) -> UUID:
        return self.ids[id(account)]

    def device(self, which: int) -> Device:
        return self.devices[which % len(self.devices)]

    def session_id(self, which: int) -> UUID:
        return self.auth._parts.codec.decode(self.device(which).access).session_id

    def store(self, device: Device, pair: TokenPair) -> None:
        device.access, device.refresh = pair.access_token, pair.refresh_token
