"""A new password is checked by the policy and by the app's breach check."""

import asyncio
import importlib
import logging
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import tokenpair.flows
from tests.waiting import eventually
from tokenpair import Auth, BreachOptions, User
from tokenpair.errors import ConfigurationError, InvalidInput, Unavailable
from tokenpair.flows.accounts import new_password
from tokenpair.flows.accounts.change_password import ChangePassword, SetPassword
from tokenpair.flows.accounts.invite import AcceptInvitation
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.flows.accounts.reset_password import ResetPassword
from tokenpair.flows.accounts.sign_up import SignUp
from tokenpair.testing import PASSWORD, a_user, make_auth, read_mails

EMAIL = "ada@example.com"
BREACHED = "zwei Igel trinken Kaffee"


class List:
    """A breach check that knows one password."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def is_breached(self, password: str) -> bool:
        self.asked.append(password)
        return password == BREACHED


class Failing:
    async def is_breached(self, password: str) -> bool:
        raise LookupError(f"there is no server to ask about {password}")


class Misdeclared:
    """A check whose call raises before there is anything to await."""

    async def is_breached(self) -> bool:
        return True


class Cancelled:
    async def is_breached(self, password: str) -> bool:
        raise asyncio.CancelledError(password)


class Endless:
    """A check that has no answer, and ignores its first cancellation."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.cancellations = 0

    async def is_breached(self, password: str) -> bool:
        while not self.may_end.is_set():
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                self.cancellations += 1
        raise LookupError(password)


def patience_with(kind: type) -> timedelta:
    """Return a short time limit where the check reaches it, and otherwise a long one."""
    return timedelta(milliseconds=10) if kind is Endless else timedelta(minutes=1)


async def test_a_breached_password_is_refused() -> None:
    """V6.2.12."""
    auth = make_auth(breaches=BreachOptions(check=List()))

    with pytest.raises(InvalidInput) as caught:
        await auth.sign_up(email=EMAIL, password=BREACHED)

    assert [(each.field, each.reason) for each in caught.value.errors] == [
        ("password", "is known from a data breach; choose another")
    ]
    assert await auth.sign_up(email=EMAIL, password=PASSWORD)


async def sign_up(auth: Auth, _: User, password: str) -> None:
    await auth.sign_up(email="bob@example.com", password=password)


async def change(auth: Auth, user: User, password: str) -> None:
    await auth.change_password(user.id, current_password=PASSWORD, new_password=password)


async def set_password(auth: Auth, user: User, password: str) -> None:
    await auth.set_password(user.id, password)


async def reset(auth: Auth, user: User, password: str) -> None:
    await read_mails(auth)
    await auth.forgot_password(email=user.email.typed)
    (mail,) = await read_mails(auth)
    assert mail.link
    await auth.reset_password(token=mail.link.partition("#token=")[2], new_password=password)


async def accept(auth: Auth, _: User, password: str) -> None:
    await read_mails(auth)
    await auth.invite(email="bob@example.com")
    (mail,) = await read_mails(auth)
    assert mail.link
    await auth.accept_invitation(token=mail.link.partition("#token=")[2], password=password)


FLOWS = {
    SignUp: sign_up,
    ChangePassword: change,
    SetPassword: set_password,
    ResetPassword: reset,
    AcceptInvitation: accept,
}


@pytest.mark.parametrize("flow", FLOWS.values(), ids=lambda flow: flow.__name__)
async def test_every_flow_that_sets_a_password_asks_the_breach_check(
    flow: Callable[[Auth, User, str], Awaitable[None]],
) -> None:
    auth = make_auth(breaches=BreachOptions(check=List()))
    user = await a_user(auth)

    with pytest.raises(InvalidInput, match="data breach"):
        await flow(auth, user, BREACHED)
    await flow(auth, user, f"{PASSWORD}!")


def test_the_flows_above_are_all_that_set_a_password() -> None:
    found = set()
    for each in pkgutil.walk_packages(tokenpair.flows.__path__, "tokenpair.flows."):
        module = importlib.import_module(each.name)
        source = Path(str(module.__file__)).read_text()
        assert "passwords.hash(" not in source or module is new_password
        for kind in vars(module).values():
            if is_dataclass(kind) and NewPassword in get_type_hints(kind).values():
                found.add(kind)

    assert found == FLOWS.keys()


async def test_there_is_no_breach_check_by_default() -> None:
    assert BreachOptions().check is None
    assert await make_auth().sign_up(email=EMAIL, password=BREACHED)


async def test_the_breach_check_gets_what_is_hashed() -> None:
    check = List()
    auth = make_auth(breaches=BreachOptions(check=check))

    await auth.sign_up(email=EMAIL, password="cafe\u0301 au lait et tarte")

    assert check.asked == ["caf\u00e9 au lait et tarte"]


async def test_the_breach_check_gets_no_password_that_the_policy_refuses() -> None:
    check = List()
    auth = make_auth(breaches=BreachOptions(check=check))

    with pytest.raises(InvalidInput):
        await auth.sign_up(email=EMAIL, password="short")

    assert check.asked == []


CHECKS = [
    pytest.param(Failing, "failed with LookupError", id="fails"),
    pytest.param(Misdeclared, "failed with TypeError", id="fails_early"),
    pytest.param(Cancelled, "was cancelled", id="is_cancelled"),
    pytest.param(Endless, "took too long", id="takes_too_long"),
]


@pytest.mark.parametrize(("kind", "problem"), CHECKS)
async def test_if_the_breach_check_has_no_result_the_password_is_accepted(
    kind: Any, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    auth = make_auth(breaches=BreachOptions(check=(check := kind()), timeout=patience_with(kind)))

    with caplog.at_level(logging.WARNING):
        assert await auth.sign_up(email=EMAIL, password=PASSWORD)

    assert caplog.messages == [f"the breach check {problem}"]
    await let_go(check)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(("kind", "problem"), CHECKS)
async def test_if_a_required_breach_check_has_no_result_the_password_is_refused(
    kind: Any, problem: str
) -> None:
    options = BreachOptions(check=(check := kind()), required=True, timeout=patience_with(kind))

    with pytest.raises(Unavailable, match=f"the breach check {problem}") as caught:
        await make_auth(breaches=options).sign_up(email=EMAIL, password=PASSWORD)

    assert caught.value.__context__ is None  # An error of the check may quote the password.
    await let_go(check)


def test_a_breach_check_without_the_method_stops_the_start() -> None:
    check: Any = object()

    with pytest.raises(ConfigurationError, match=r"object\.is_breached must be a coroutine"):
        BreachOptions(check=check)


async def let_go(check: object) -> None:
    """Let a check that ignores its cancellation end; its late error is not logged."""
    if isinstance(check, Endless):
        await asyncio.sleep(0)
        assert check.cancellations == 1
        check.may_end.set()
        for _ in range(3):
            await asyncio.sleep(0)


async def test_a_caller_that_goes_away_ends_the_breach_check() -> None:
    check = Endless()
    auth = make_auth(breaches=BreachOptions(check=check, timeout=timedelta(minutes=1)))
    signing_up = asyncio.create_task(auth.sign_up(email=EMAIL, password=PASSWORD))
    await eventually(lambda: bool(check.may_end._waiters))

    signing_up.cancel()
    await asyncio.wait([signing_up])

    await let_go(check)


@pytest.mark.parametrize("profile", [{"username": "nightingale"}, {"names": ["Night", "In-Gale"]}])
async def test_words_of_the_profile_are_easy_to_guess(profile: dict[str, object]) -> None:
    """V6.2.11."""
    password = "Nightingale 1234567!"
    auth = make_auth()

    with pytest.raises(InvalidInput, match="besides your e-mail address"):
        await auth.sign_up(email=EMAIL, password=password, profile=profile)

    assert await auth.sign_up(email=EMAIL, password=f"tuba kettle {password}", profile=profile)
