"""After a change, the stored profile is one that sign-up would accept."""

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import (
    Field,
)

from tests.http.conftest import bearer, on_both_storages, talking_to, told
from tests.http.persons import (
    CREDENTIALS,
    Customer,
    app_with,
    profile_of,
    signed_up,
)
from tokenpair import Auth
from tokenpair.fastapi import (
    Profile,
)
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, make_auth

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"username": "admin"}, "username"),
    ({"username": "  ROOT "}, "username"),
    ({"nick": "Admin"}, "nick"),
    ({"bio": "too long"}, "bio"),
    ({"phone": "x"}, "phone"),
    ({"country": "us", "phone": "+49"}, "body"),
    ({"username": None}, "username"),
]


@on_both_storages
class TestValidators:
    @pytest.mark.parametrize(("changes", "field"), REFUSED, ids=str)
    async def test_what_sign_up_refuses_a_change_is_refused_too(
        self, auth: Auth, changes: dict[str, Any], field: str
    ) -> None:
        async with signed_up(auth, Customer, username="Ada") as ada:
            again = CREDENTIALS | {"email": "eve@example.com", "username": "eve"} | changes
            refused = await ada.client.post("/auth/signup", json=again)
            before = await ada.see()

            answer = await ada.patch(changes)

            assert told(answer) == told(refused) == (422, "invalid_input")
            assert answer.json()["errors"] == refused.json()["errors"]
            assert [error["field"] for error in answer.json()["errors"]] == [field]
            assert await ada.see() == before

    async def test_a_change_goes_through_validators_and_configuration(self, auth: Auth) -> None:
        async with signed_up(auth, Customer, username=" Ada ") as ada:
            answer = await ada.patch({"username": "  Ada2 ", "bio": " hi "})

            assert answer.json()["username"] == "ada2"
            assert (await ada.see())["bio"] == "hi"

    async def test_the_merged_whole_is_what_counts(self, auth: Auth) -> None:
        async with signed_up(auth, Customer, username="ada", phone="+49") as ada:
            alone = await ada.patch({"country": "us"})
            together = await ada.patch({"country": "us", "phone": "+1555"})

            assert (alone.status_code, together.status_code) == (422, 200)
            assert "+49" not in alone.text

    async def test_the_configuration_of_a_profile_does_not_reach_the_password(
        self, auth: Auth
    ) -> None:
        password = f"  {PASSWORD} "
        async with auth, talking_to(app_with(auth, Customer)) as client:
            body = {"email": "ada@example.com", "password": password}
            await client.post("/auth/signup", json=body | {"username": "ada"})

            as_typed = await client.post("/auth/login", json=body)
            stripped = await client.post("/auth/login", json=body | {"password": PASSWORD})

        assert (as_typed.status_code, stripped.status_code) == (200, 401)

    async def test_a_default_counts_though_the_field_would_refuse_it(self, auth: Auth) -> None:
        class Sloppy(Profile):
            name: Annotated[str, Field(min_length=1)] = ""
            shelf: int = 0

        async with signed_up(auth, Sloppy) as ada:
            answer = await ada.patch({"shelf": 3})

            assert answer.status_code == 200
            assert await ada.see() == {"name": "", "shelf": 3}

    async def test_two_changes_at_once_are_checked_one_after_the_other(self, auth: Auth) -> None:
        async with signed_up(auth, Customer, username="ada", phone="+1") as ada:
            answers = await asyncio.gather(
                *(ada.patch(each) for each in ({"country": "us"}, {"phone": "+49"}) * 3)
            )

            assert {answer.status_code for answer in answers} == {200, 422}
            seen = await ada.see()
            assert (seen["country"], seen["phone"]) in {("us", "+1"), ("de", "+49")}


async def test_what_the_app_s_own_code_changes_is_merged_as_it_is(auth: Auth) -> None:
    async with auth:
        user = await auth.sign_up(
            email="ada@example.com", password=PASSWORD, profile={"a": 1, "b": 1}
        )

        changed = await auth.update_profile(user.id, {"b": 2, "c": 3})

        assert changed.profile == await profile_of(auth) == {"a": 1, "b": 2, "c": 3}


async def test_every_app_reads_by_its_own_class(storage: Storage) -> None:
    class Now(Profile):
        shelf: int = 7
        username: str = ""

    class Other(Profile):
        shelf: str = "none"

    auth = make_auth(storage=storage)
    old, new = app_with(auth, Now), app_with(auth, Other)
    async with auth, talking_to(old) as old_client, talking_to(new) as new_client:
        await auth.sign_up(
            email="ada@example.com", password=PASSWORD, profile={"shelf": "high", "username": "ada"}
        )
        pair = (await old_client.post("/auth/login", json=CREDENTIALS)).json()
        headers = bearer(pair["access_token"])

        by_old = (await old_client.get("/auth/me", headers=headers)).json()
        by_new = (await new_client.get("/auth/me", headers=headers)).json()

    assert (by_old["shelf"], by_old["username"]) == (7, "ada")
    assert by_new["shelf"] == "high"
