"""JSON values that a profile cannot hold."""

from typing import Any

import pytest
from pydantic import (
    BaseModel,
    Field,
)

from tests.http.conftest import on_both_storages, talking_to
from tests.http.persons import app_with, signed_up
from tokenpair import Auth
from tokenpair.core.tokens.encoding import MAX_DEPTH
from tokenpair.fastapi import (
    Profile,
)
from tokenpair.testing import PASSWORD


class Place(BaseModel):
    """An earlier version had no town."""

    street: str
    town: str


class Anything(Profile):
    """Fields that accept any JSON."""

    any: Any = None
    table: dict[str, Any] = Field(default_factory=dict)
    rows: list[Any] = Field(default_factory=list)
    place: Place | None = None
    name: str = ""
    score: float = 0
    level: int = 0


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


UNFIT: dict[str, tuple[str, str]] = {
    "lone surrogate in anything": ('{"any": "\\ud800"}', "any"),
    "NUL in anything": ('{"any": "\\u0000"}', "any"),
    "lone surrogate deep in anything": ('{"any": [[{"a": ["\\udfff"]}]]}', "any"),
    "lone surrogate as key": ('{"any": {"\\ud800": 1}}', "any"),
    "NUL as key": ('{"any": [{"a\\u0000": 1}]}', "any"),
    "lone surrogate in a table": ('{"table": {"a": "\\ud800"}}', "table"),
    "NUL in a list": ('{"rows": [1, "\\u0000"]}', "rows"),
    "NUL in a model": ('{"place": {"street": "\\u0000", "town": "x"}}', "place"),
    "lone surrogate in plain text": ('{"name": "\\ud800"}', "name"),
    "NUL in plain text": ('{"name": "\\u0000"}', "name"),
    "infinity as text": ('{"score": "Infinity"}', "score"),
    "not a number as text": ('{"score": "nan"}', "score"),
    "nested too deeply": ('{"any": ' + nested(MAX_DEPTH) + "}", "body"),
    "nested far too deeply": ('{"any": ' + nested(400) + "}", "body"),
    "too deep for a parser": ('{"any": ' + nested(30_000) + "}", "body"),
    "nothing but depth": (nested(30_000), "body"),
    "a number beyond all": ('{"any": 1e999}', "any"),
    "a list": ("[]", "body"),
    "null": ("null", "body"),
    "text": ('"x"', "body"),
    "a number": ("1", "body"),
    "an unknown field": ('{"unknown": 1}', "unknown"),
    "an empty name": ('{"": 1}', "body"),
    "a lone surrogate as unknown field": ('{"\\ud800": 1}', "body"),
    "ours": ('{"any": 1, "email": "eve@example.com"}', "email"),
    "null for a number": ('{"level": null}', "level"),
}


@on_both_storages
@pytest.mark.parametrize("what", UNFIT)
async def test_what_does_not_fit_is_refused_and_changes_nothing(auth: Auth, what: str) -> None:
    body, field = UNFIT[what]
    async with signed_up(auth, Anything) as ada:
        before = await ada.see()

        answer = await ada.patch_raw(body)

        assert answer.status_code == 422
        if what != "a number beyond all":  # Refused as JSON, or for its value.
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert await ada.see() == before


@pytest.mark.parametrize("what", [each for each in UNFIT if '"' in UNFIT[each][0]])
async def test_nor_does_it_fit_at_sign_up(auth: Auth, what: str) -> None:
    credentials = f'"email": "ada@example.com", "password": "{PASSWORD}", '
    body = UNFIT[what][0].replace("{", "{" + credentials, 1)
    async with auth, talking_to(app_with(auth, Anything)) as client:
        answer = await client.post(
            "/auth/signup", content=body.encode(), headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == 422
        assert PASSWORD not in answer.text


@on_both_storages
async def test_all_that_json_can_say_is_kept(auth: Auth) -> None:
    every = {"a": [1, 2.5, -3e20, True, None, "✒ 🙂 \ufffd", {"": {}}, []], "ü": 10**30}
    async with signed_up(auth, Anything) as ada:
        answer = await ada.patch({"any": every, "table": every, "rows": [every]})

        assert answer.status_code == 200
        seen = await ada.see()
        assert (seen["any"], seen["table"], seen["rows"]) == (every, every, [every])


@on_both_storages
async def test_as_deep_as_allowed_and_as_large_is_kept(auth: Auth) -> None:
    deep, wide = nested(MAX_DEPTH - 1), ",".join(["[1]"] * 15_000)
    async with signed_up(auth, Anything) as ada:
        deep_answer = await ada.patch_raw(f'{{"any": {deep}}}')
        wide_answer = await ada.patch_raw(f'{{"any": [{wide}]}}')

        assert (deep_answer.status_code, wide_answer.status_code) == (200, 200)
