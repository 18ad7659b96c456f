"""Accounts from another system keep their ids and passwords."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.limits.conftest import CountingPasswords as PlainPasswords
from tests.passwords import foreign
from tokenpair import Argon2Passwords
from tokenpair.errors import EmailTaken, InvalidCredentials, InvalidInput
from tokenpair.ids import uuid7
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, make_auth

ADA = "ada@example.com"


async def test_an_imported_account_has_what_the_other_system_stored() -> None:
    auth, user_id = make_auth(), uuid4()
    joined = datetime(2020, 2, 29, tzinfo=UTC)

    await auth.import_account(
        email="Ada@Example.com",
        password_hash=foreign.BCRYPT,
        user_id=user_id,
        is_verified=True,
        roles=frozenset({"editor"}),
        profile={"username": "ada"},
        created_at=joined,
    )

    user = await auth.get_user(user_id)
    assert (user.email.typed, user.created_at, user.profile) == (
        "Ada@Example.com",
        joined,
        {"username": "ada"},
    )
    assert (user.roles, user.email_verified_at) == (frozenset({"editor"}), auth.clock())
    assert await auth.log_in(email=ADA, password=PASSWORD)


async def test_an_imported_account_is_not_verified_unless_the_caller_says_so() -> None:
    clock = FakeClock()
    auth = make_auth(clock=clock)

    user = await auth.import_account(email=ADA, password_hash=foreign.BCRYPT)

    assert (user.email_verified_at, user.created_at) == (None, clock())
    assert (user.roles, user.profile) == (frozenset(), {})


async def test_an_account_without_a_password_has_no_log_in() -> None:
    auth = make_auth()
    await auth.import_account(email=ADA, password_hash=None)

    for password in (PASSWORD, "", "None"):
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email=ADA, password=password)


async def test_an_empty_password_is_wrong_even_if_its_hash_was_imported() -> None:
    """A15."""
    passwords = Argon2Passwords(CHEAP)
    auth = make_auth(passwords=passwords)
    await auth.import_account(email=ADA, password_hash=await passwords.hash(""))

    with pytest.raises(InvalidCredentials):
        await auth.log_in(email=ADA, password="")


async def test_an_address_or_an_id_that_has_an_account_is_refused() -> None:
    auth = make_auth()
    first = await auth.import_account(email=ADA, password_hash=None)

    with pytest.raises(EmailTaken):
        await auth.import_account(email="ADA@example.com", password_hash=None)
    with pytest.raises(EmailTaken):
        await auth.import_account(email="b@example.com", password_hash=None, user_id=first.id)

    assert await auth.get_user(first.id) == first


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"roles": frozenset({"no spaces"})}, "roles"),
        ({"created_at": datetime(2020, 1, 1)}, "created_at"),  # noqa: DTZ001
    ],
    ids=["address", "roles", "time_without_zone"],
)
async def test_what_no_account_can_have_is_refused(changes: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {"email": ADA, "password_hash": None, "user_id": uuid7()}

    with pytest.raises(InvalidInput) as caught:
        await make_auth().import_account(**(given | changes))

    assert [each.field for each in caught.value.errors] == [field]


@pytest.mark.parametrize(
    "password_hash",
    [
        pytest.param("", id="empty"),
        pytest.param("!Xu2kQ0", id="unusable_of_Django"),
        pytest.param("5f4dcc3b5aa765d61d8327deb882cf99", id="md5"),
        pytest.param("$6$saltsalt$K9nZ", id="sha512_crypt"),
        pytest.param(foreign.BCRYPT[:-1], id="cut"),
        pytest.param(f"{foreign.BCRYPT} ", id="with_a_space"),
        pytest.param("$argon2id$" + "x" * 600, id="too_long"),
        pytest.param("$argon2id$é", id="not_ascii"),
    ],
)
async def test_a_hash_of_an_unknown_format_is_refused(password_hash: str) -> None:
    auth = make_auth()

    with pytest.raises(InvalidInput) as caught:
        await auth.import_account(email=ADA, password_hash=password_hash)

    (error,) = caught.value.errors
    assert error.field == "password_hash"
    assert "bcrypt, PBKDF2 (of Django or Werkzeug), scrypt (of Werkzeug) or argon2" in error.reason
    assert "use a hasher that compares yours; or pass None" in error.reason
    assert await auth.import_account(email=ADA, password_hash=None)  # Nothing was stored.


async def test_a_hasher_of_ones_own_that_names_no_formats_accepts_all() -> None:
    auth = make_auth(passwords=PlainPasswords())

    assert await auth.import_account(email=ADA, password_hash="plain:secret")
