"""An endpoint that returns a type of ours reveals no secret."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.exceptions import FastAPIError

import tokenpair
from tests.http.conftest import bearer, talking_to
from tokenpair import (
    AccessClaims,
    AccountExport,
    Auth,
    Condition,
    Counts,
    Device,
    EmailAddress,
    EndReason,
    Health,
    Key,
    Keyring,
    Lifetimes,
    LogInOutcome,
    PasswordPolicy,
    RefreshClaims,
    RenewalOutcome,
    Session,
    Settings,
    TokenPair,
    User,
    Windows,
)
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.encoding import base64url
from tokenpair.fastapi import CurrentUser, RefreshToken
from tokenpair.testing import PASSWORD, a_user, login_as
from tokenpair.testing.store_contract import read_password_hash, read_session

DATABASE_PASSWORD = "tr0ub4dor"


async def claims_of_kind(auth: Auth, *, refresh: bool) -> AccessClaims | RefreshClaims:
    pair = await login_as(auth, await a_user(auth))
    return await auth.verify(pair.refresh_token if refresh else pair.access_token)


async def session_of_a_user(auth: Auth) -> Session:
    user = await a_user(auth)
    await login_as(auth, user)
    (session,) = await auth.list_sessions(user.id)
    return session


async def export_of_a_user(auth: Auth) -> AccountExport:
    return await auth.export((await session_of_a_user(auth)).user_id)


async def settings(_: Auth) -> Settings:
    return Settings.read(database_url=f"postgresql://ada:{DATABASE_PASSWORD}@db.test/books")


def constant(value: Any) -> Callable[[Auth], Awaitable[Any]]:
    async def make(_: Auth) -> Any:
        return value

    return make


def part_of(read: Callable[[Auth], Any]) -> Callable[[Auth], Awaitable[Any]]:
    async def make(auth: Auth) -> Any:
        return read(auth)

    return make


# How to make a value of each public type, by the type that an endpoint is annotated with.
SAMPLES: dict[Any, Callable[[Auth], Awaitable[Any]]] = {
    AccessClaims: lambda auth: claims_of_kind(auth, refresh=False),
    RefreshClaims: lambda auth: claims_of_kind(auth, refresh=True),
    tokenpair.Claims: lambda auth: claims_of_kind(auth, refresh=True),
    User: a_user,
    Session: session_of_a_user,
    AccountExport: export_of_a_user,
    Health: lambda auth: auth.health(),
    Counts: part_of(lambda auth: auth.counts),
    Settings: settings,
    EmailAddress: constant(EmailAddress.parse("ada@example.com")),
    Device: constant(Device(user_agent="Firefox", ip="203.0.113.7")),
    Lifetimes: constant(Lifetimes()),
    Windows: constant(Windows()),
    PasswordPolicy: constant(PasswordPolicy()),
    tokenpair.Edge: constant(tokenpair.Edge()),
    Condition: constant(Condition.OK),
    EndReason: constant(EndReason.LOGOUT),
    tokenpair.Argon2Cost: constant(tokenpair.Argon2Cost()),
    tokenpair.LimitName: constant(tokenpair.LimitName.SIGN_UP),
    tokenpair.MailOutcome: constant(tokenpair.MailOutcome.SENT),
    tokenpair.MailPurpose: constant(tokenpair.MailPurpose.VERIFY_EMAIL),
    tokenpair.SignUpMode: constant(tokenpair.SignUpMode.OPEN),
    LogInOutcome: constant(LogInOutcome.REFUSED),
    RenewalOutcome: constant(RenewalOutcome.HOLD),
}
# FastAPI refuses these as a response type when the endpoint is defined.
NO_ANSWER: dict[Any, Callable[[Auth], Awaitable[Any]]] = {
    Auth: part_of(lambda auth: auth),
    Key: part_of(lambda auth: auth.keyring.signing),
    Keyring: part_of(lambda auth: auth.keyring),
    tokenpair.Argon2Passwords: constant(tokenpair.Argon2Passwords()),
    tokenpair.BreachOptions: constant(tokenpair.BreachOptions()),
    tokenpair.FeedOptions: constant(tokenpair.FeedOptions()),
    tokenpair.MailOptions: constant(tokenpair.MailOptions()),
    tokenpair.Rules: constant(tokenpair.Rules()),
}
# `database_url` is a function, an endpoint returns tokens to their client on purpose, and a message
# holds a link that only its recipient may have.
NOT_TRIED = {"database_url", "IssuedAccessToken", "Message", "TokenPair"}


def test_every_public_type_is_tried() -> None:
    tried = {each.__name__ for each in (*SAMPLES, *NO_ANSWER)}
    assert tried | NOT_TRIED == set(tokenpair.__all__)


async def secrets_of(auth: Auth) -> list[str]:
    """Collect the secrets that must be in no answer, in every form that they may have."""
    found = [PASSWORD, DATABASE_PASSWORD]
    key = auth.keyring.signing
    found += [str(key.to_jwk(private=True)["d"]), str(key.refresh_key.as_dict(private=True)["k"])]
    async with auth.storage.reading() as look:
        users = await look.users.list(limit=10)
    for user in users:
        found.append(await read_password_hash(auth.storage, user) or PASSWORD)
        for session in await auth.list_sessions(user.id):
            row = await read_session(auth.storage, session)
            assert row is not None
            found += [row.secret_hash.hex(), base64url(row.secret_hash), str(row.secret_hash)]
    return found


PATHS = ("/bare", "/any", "/inside", "/typed", "/list")


def returning(value: Any, kind: Any) -> FastAPI:
    """Make an app that returns a value in every way that an endpoint can."""
    app = FastAPI()

    async def bare() -> Any:
        return value

    async def inside() -> dict[str, Any]:
        return {"all": [value]}

    async def listed() -> list[Any]:
        return [value]

    app.get("/bare", response_model=None)(bare)
    app.get("/any")(bare)
    app.get("/inside")(inside)
    if kind not in NO_ANSWER:
        app.get("/typed", response_model=kind)(bare)
        app.get("/list", response_model=list[kind])(listed)
    return app


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
async def test_a_public_type_is_answered_without_secrets(auth: Auth, kind: Any) -> None:
    async with auth:
        app = returning(await SAMPLES[kind](auth), kind)
        secrets = await secrets_of(auth)

        async with talking_to(app) as client:
            answers = [await client.get(path) for path in PATHS]

    assert [answer.status_code for answer in answers] == [200] * len(PATHS)
    for answer in answers:
        assert [secret for secret in secrets if secret in answer.text] == []


@pytest.mark.parametrize("kind", NO_ANSWER, ids=lambda kind: kind.__name__)
async def test_keys_are_in_no_answer(auth: Auth, kind: Any) -> None:
    async with auth:
        await session_of_a_user(auth)
        app = returning(await NO_ANSWER[kind](auth), kind)
        secrets = await secrets_of(auth)

        async with talking_to(app, raise_app_exceptions=False) as client:
            answers = [await client.get(path) for path in PATHS]

    with pytest.raises(FastAPIError, match="Invalid args for response field"):
        app.get("/typed", response_model=kind)(constant(None))
    for answer in answers:
        assert [secret for secret in secrets if secret in answer.text] == []


async def test_the_secret_of_a_session_is_in_no_answer_of_its_claims(
    app: FastAPI, auth: Auth, client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    codec = Codec(auth.keyring, issuer="https://auth.test", audience="https://api.test")
    secret = codec.decode_refresh(pair.refresh_token).secret

    @app.get("/refresh_claims")
    async def refresh_claims(token: RefreshToken) -> Any:
        return token

    answer = await client.get("/refresh_claims", headers=bearer(pair.refresh_token))

    assert answer.status_code == 200
    assert answer.json().keys() == {
        "subject",
        "session_id",
        "token_id",
        "issued_at",
        "expires_at",
        "not_before",
        "parent",
        "generation",
    }
    assert base64url(secret) not in answer.text


async def test_one_s_account_and_sessions_can_be_returned_as_they_are(
    app: FastAPI, auth: Auth, client: httpx2.AsyncClient, pair: TokenPair, ada: User
) -> None:
    @app.get("/whoami")
    async def whoami(user: CurrentUser) -> User:
        return user

    @app.get("/everything")
    async def everything(user: CurrentUser) -> dict[str, Any]:
        return {"user": user, "sessions": await auth.list_sessions(user.id)}

    me = await client.get("/whoami", headers=bearer(pair.access_token))
    all_of_me = await client.get("/everything", headers=bearer(pair.access_token))

    assert me.json()["id"] == all_of_me.json()["user"]["id"] == str(ada.id)
    assert len(all_of_me.json()["sessions"]) == 1
    for secret in await secrets_of(auth):
        assert secret not in me.text + all_of_me.text
