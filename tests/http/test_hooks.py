"""A bearer's hook lets a caller in only by returning None."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from tests.http.conftest import bearer, talking_to
from tokenpair import AccessClaims, TokenPair
from tokenpair.fastapi import (
    AccessTokenBearer,
    AccessTokenMiddleware,
    RefreshTokenBearer,
    TokenBearer,
    install,
)
from tokenpair.testing import a_user, login_as, make_auth


async def a_coroutine(_: AccessClaims) -> None: ...


def a_generator(_: AccessClaims) -> Any:
    yield


class Asynchronous:
    async def __call__(self, _: AccessClaims) -> None: ...


HOOKS: dict[str, Callable[[Any], object]] = {
    "False": lambda _: False,
    "True": lambda _: True,
    "zero": lambda _: 0,
    "text": lambda _: "",
    "coroutine": a_coroutine,
    "generator": a_generator,
    "partial": functools.partial(a_coroutine),
    "object": Asynchronous(),
}
KINDS = [AccessTokenBearer, RefreshTokenBearer, TokenBearer]


async def let_in(app: FastAPI, token: str) -> bool:
    async with talking_to(app, raise_app_exceptions=False) as client:
        answer = await client.get("/hello", headers=bearer(token))
    assert answer.status_code in {200, 500}
    return answer.status_code == 200


def patched(kind: type[TokenBearer], hook: Callable[[Any], object]) -> TokenBearer:
    found = kind()
    found.verify_token_data = hook  # type: ignore[method-assign, assignment]  # The mistake.
    return found


async def app_and_pair() -> tuple[FastAPI, TokenPair]:
    auth = make_auth()
    app = FastAPI()
    install(app, auth)
    return app, await login_as(auth, await a_user(auth))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS.keys())
async def test_a_hook_that_returns_something_lets_no_caller_in(
    kind: type[TokenBearer], hook: Callable[[Any], object]
) -> None:
    app, pair = await app_and_pair()
    token = pair.refresh_token if kind is RefreshTokenBearer else pair.access_token

    @app.get("/hello", dependencies=[Depends(patched(kind, hook))])
    async def hello() -> None: ...

    assert not await let_in(app, token)


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS.keys())
async def test_nor_does_the_middleware(hook: Callable[[Any], object]) -> None:
    app, pair = await app_and_pair()
    guard = patched(AccessTokenBearer, hook)
    assert isinstance(guard, AccessTokenBearer)
    app.add_middleware(AccessTokenMiddleware, bearer=guard)

    @app.get("/hello")
    async def hello() -> None: ...

    assert not await let_in(app, pair.access_token)


async def test_the_error_says_what_to_do_and_not_what_was_returned() -> None:
    app, pair = await app_and_pair()

    class Friends(AccessTokenBearer):
        def verify_token_data(self, token_data: AccessClaims) -> str:  # type: ignore[override]
            return f"secret of {token_data.subject}"

    @app.get("/hello", dependencies=[Depends(Friends())])
    async def hello() -> None: ...

    async with talking_to(app) as client:
        with pytest.raises(TypeError) as raised:
            await client.get("/hello", headers=bearer(pair.access_token))

    assert "Friends.verify_token_data returned str: it must return None" in str(raised.value)
    assert "raise an AuthError or an HTTPException" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_hook_that_returns_none_lets_the_caller_in() -> None:
    app, pair = await app_and_pair()

    @app.get("/hello", dependencies=[Depends(patched(AccessTokenBearer, lambda _: None))])
    async def hello() -> None: ...

    assert await let_in(app, pair.access_token)
