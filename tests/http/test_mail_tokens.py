"""The endpoints that take a token from a mail, and those that ask for the mail."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from tests.http.conftest import bearer, is_live, on_both_storages, renew, told
from tokenpair import Auth, MailPurpose, TokenPair, User
from tokenpair.core.tokens.encoding import base64url
from tokenpair.testing import PASSWORD, FakeClock, login_as, read_mail_token, read_mails

pytestmark = on_both_storages

VERIFY, RESET = MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD
NEW = "nine green umbrellas sail"
ADA = "ada@example.com"
PATHS = {VERIFY: "/auth/email/verify", RESET: "/auth/password/reset"}
REQUESTS = {VERIFY: "/auth/email/verify/request", RESET: "/auth/password/forgot"}


async def forgot(client: httpx2.AsyncClient, email: str = ADA) -> httpx2.Response:
    return await client.post(REQUESTS[RESET], json={"email": email})


async def mailed(client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, kind: MailPurpose) -> str:
    if kind is RESET:
        await forgot(client)
    else:
        await client.post(REQUESTS[VERIFY], headers=bearer(pair.access_token))
    return await read_mail_token(auth, kind)


async def present(client: httpx2.AsyncClient, kind: MailPurpose, token: object) -> httpx2.Response:
    body = {"token": token, "new_password": NEW} if kind is RESET else {"token": token}
    return await client.post(PATHS[kind], json=body)


async def log_in(client: httpx2.AsyncClient, password: str) -> int:
    body = {"email": ADA, "password": password}
    return (await client.post("/auth/login", json=body)).status_code


def shown(response: httpx2.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all of an answer that a client sees."""
    return response.status_code, response.content, sorted(response.headers.items())


both_kinds = pytest.mark.parametrize("kind", [VERIFY, RESET], ids=lambda kind: kind.value)


async def test_a_user_verifies_the_address(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    requested = await client.post(REQUESTS[VERIFY], headers=bearer(pair.access_token))
    token = await read_mail_token(auth, VERIFY)

    verified = await present(client, VERIFY, token)

    assert (requested.status_code, set(requested.json())) == (202, {"detail"})
    assert (verified.status_code, verified.content) == (204, b"")
    await auth.feed.poll()
    stale = await client.get("/auth/me", headers=bearer(pair.access_token))
    assert told(stale) == (401, "token_stale")
    renewed = (await renew(client, pair.refresh_token)).json()
    me = await client.get("/auth/me", headers=bearer(renewed["access_token"]))
    assert me.json()["email_verified"] is True


async def test_a_user_resets_a_forgotten_password(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """A17, V6.3.6, V6.4.3: no answer holds a token, and the one to the reset opens no session."""
    requested = await forgot(client)
    token = await read_mail_token(auth, RESET)

    reset = await present(client, RESET, token)

    assert (requested.status_code, set(requested.json())) == (202, {"detail"})
    assert token not in requested.text
    assert (reset.status_code, reset.content) == (204, b"")
    assert "set-cookie" not in reset.headers
    assert not await is_live(client, pair.access_token)
    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")
    assert (await log_in(client, PASSWORD), await log_in(client, NEW)) == (401, 200)


async def test_to_request_verification_needs_an_access_token(client: httpx2.AsyncClient) -> None:
    assert told(await client.post(REQUESTS[VERIFY])) == (401, "not_authenticated")


async def test_a_request_for_a_verified_address_has_the_same_answer(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    first = await client.post(REQUESTS[VERIFY], headers=bearer(pair.access_token))
    await auth.verify_email(await read_mail_token(auth, VERIFY))
    fresh = await login_as(auth, ada)

    again = await client.post(REQUESTS[VERIFY], headers=bearer(fresh.access_token))

    assert shown(again) == shown(first)
    assert await read_mails(auth) == []


async def test_forgotten_passwords_have_one_answer(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """A11: for accounts that are unverified, verified or disabled, and for none."""
    answers = [shown(await forgot(client))]
    async with auth.storage.begin() as tx:
        await tx.users.set_email_verified(ada.id, auth.clock())
    answers.append(shown(await forgot(client)))
    await auth.disable(ada.id)
    others = (ADA, "unknown@example.com", "no address", "", "\u200bada@example.com")
    answers += [shown(await forgot(client, email)) for email in others]

    assert answers == [answers[0]] * 7
    assert answers[0][0] == 202


@both_kinds
async def test_every_invalid_token_has_the_same_answer(
    client: httpx2.AsyncClient,
    auth: Auth,
    ada: User,
    pair: TokenPair,
    clock: FakeClock,
    kind: MailPurpose,
) -> None:
    """A7: used, replaced, expired, for another purpose or user, cut off, or no token at all."""
    other_kind = VERIFY if kind is RESET else RESET
    older = await mailed(client, auth, pair, kind)
    of_other_kind = await mailed(client, auth, pair, other_kind)
    token = await mailed(client, auth, pair, kind)
    tried = [
        older,
        of_other_kind,
        token[:-1],
        f"{token} ",
        f" {token}",
        f"{token}=",
        token.lower(),
        f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        base64url(bytes(16) + b"x" * 32),
        "\u00e4" * 64,
        "",
        "x",
        "x" * 200,
    ]

    answers = [shown(await present(client, kind, each)) for each in tried]
    clock.advance(timedelta(hours=24))
    answers.append(shown(await present(client, kind, token)))
    # In the right time, for a comparison.
    clock.advance(timedelta(hours=-24))
    assert (await present(client, kind, token)).status_code == 204
    answers.append(shown(await present(client, kind, token)))
    await auth.delete(ada.id)
    answers.append(shown(await present(client, kind, token)))

    assert answers == [answers[0]] * len(answers)
    refused = await present(client, kind, "x")
    assert told(refused) == (400, "mail_token_invalid")


@both_kinds
async def test_a_scanner_that_opens_the_link_uses_nothing_up(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, kind: MailPurpose
) -> None:
    token = await mailed(client, auth, pair, kind)

    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        for path in (PATHS[kind], f"{PATHS[kind]}?token={token}"):
            assert (await client.request(method, path)).status_code == 405

    assert (await present(client, kind, token)).status_code == 204


@both_kinds
async def test_of_twenty_at_once_one_uses_the_token(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, kind: MailPurpose
) -> None:
    token = await mailed(client, auth, pair, kind)

    answers = await asyncio.gather(*(present(client, kind, token) for _ in range(20)))

    assert sorted(each.status_code for each in answers) == [204, *[400] * 19]
    assert {told(each) for each in answers if each.status_code != 204} == {
        (400, "mail_token_invalid")
    }


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        pytest.param(
            REQUESTS[RESET], {"email": ADA, "new_password": NEW}, "new_password", id="A16"
        ),
        pytest.param(REQUESTS[RESET], {}, "email", id="no-address"),
        pytest.param(REQUESTS[RESET], {"email": [ADA]}, "email", id="a-list"),
        pytest.param(REQUESTS[RESET], {"email": "\0"}, "email", id="nul"),
        pytest.param(REQUESTS[RESET], {"email": "a" * 321}, "email", id="too-long"),
        pytest.param(PATHS[VERIFY], {"token": 1}, "token", id="a-number"),
        pytest.param(PATHS[VERIFY], {"token": "x", "email": ADA}, "email", id="an-address"),
        pytest.param(PATHS[RESET], {"token": "x"}, "new_password", id="no-password"),
        pytest.param(PATHS[RESET], {"new_password": NEW}, "token", id="no-token"),
        pytest.param(
            PATHS[RESET], {"token": "x", "new_password": "x" * 1025}, "new_password", id="long"
        ),
    ],
)
async def test_an_invalid_body_changes_nothing(
    client: httpx2.AsyncClient, pair: TokenPair, path: str, body: object, field: str
) -> None:
    """A16: a password in the request for a mail is refused, and not used."""
    refused = await client.post(path, json=body)

    assert told(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == [field]
    assert NEW not in refused.text
    assert await is_live(client, pair.access_token)
    assert await log_in(client, PASSWORD) == 200


async def test_a_weak_new_password_is_refused_and_the_token_stays_valid(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    token = await mailed(client, auth, pair, RESET)
    body = {"token": token, "new_password": "ada@example.com"}

    refused = await client.post(PATHS[RESET], json=body)

    assert told(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == ["new_password"]
    assert token not in refused.text
    assert (await present(client, RESET, token)).status_code == 204
