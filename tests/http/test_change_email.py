"""Users change the address of their account: nothing changes until the new address confirms."""

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import bearer, is_live, on_both_storages, renew, talking_to, told
from tokenpair import Auth, MailOptions, MailPurpose, Message, TokenPair, User
from tokenpair.fastapi import install
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth, read_mails

pytestmark = on_both_storages

NEW = "ada.lovelace@example.org"
BODY = {"password": PASSWORD, "new_email": NEW}


async def ask(client: httpx2.AsyncClient, pair: TokenPair, body: object = BODY) -> httpx2.Response:
    return await client.post("/auth/email/change", json=body, headers=bearer(pair.access_token))


async def confirm(client: httpx2.AsyncClient, token: object) -> httpx2.Response:
    return await client.post("/auth/email/change/confirm", json={"token": token})


def token_of(mails: list[Message]) -> str:
    """Return the token of the one link to a new address."""
    (link,) = [each.link for each in mails if each.purpose is MailPurpose.CHANGE_EMAIL]
    assert link is not None
    assert "/email/change#token=" in link
    return link.partition("#token=")[2]


async def address_of(client: httpx2.AsyncClient, pair: TokenPair) -> tuple[str, bool]:
    me = (await client.get("/auth/me", headers=bearer(pair.access_token))).json()
    return me["email"], me["email_verified"]


async def test_nothing_changes_until_the_new_address_confirms(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """A6, V6.3.7: the old address is told of the request, and both are told of the change."""
    asked = await ask(client, pair)
    before = await address_of(client, pair)
    mails = await read_mails(auth)
    confirmed = await confirm(client, token_of(mails))
    told_afterwards = await read_mails(auth)

    assert asked.status_code == 202
    assert list(asked.json()) == ["detail"]
    assert before == ("ada@example.com", False)
    assert {(each.purpose, each.recipient) for each in mails} == {
        (MailPurpose.CHANGE_EMAIL, NEW),
        (MailPurpose.ADDRESS_CHANGE_REQUESTED, "ada@example.com"),
    }
    assert (confirmed.status_code, confirmed.content) == (204, b"")
    renewed = (await renew(client, pair.refresh_token)).json()["access_token"]
    me = (await client.get("/auth/me", headers=bearer(renewed))).json()
    assert (me["email"], me["email_verified"]) == (NEW, True)
    assert {(each.purpose, each.recipient) for each in told_afterwards} == {
        (MailPurpose.ADDRESS_CHANGED, NEW),
        (MailPurpose.ADDRESS_CHANGED, "ada@example.com"),
    }


async def test_a_taken_address_is_answered_alike_and_gets_no_mail(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """A11: the same status, headers and body."""
    await a_user(auth, NEW)
    await read_mails(auth)

    taken = await ask(client, pair)
    mails = await read_mails(auth)
    free = await ask(client, pair, BODY | {"new_email": "free@example.org"})

    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert taken.headers == free.headers
    assert [each.purpose for each in mails] == [MailPurpose.ADDRESS_CHANGE_REQUESTED]


async def test_an_older_link_does_not_reveal_that_an_address_is_taken(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """A11: asking for a taken address makes the older link invalid, as any other does."""
    await a_user(auth, NEW)
    await ask(client, pair, BODY | {"new_email": "mine@example.org"})
    token = token_of(await read_mails(auth))

    await ask(client, pair)

    assert told(await confirm(client, token)) == (400, "mail_token_invalid")


async def test_an_address_that_was_taken_meanwhile_is_refused(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """A12: no 500, and the same answer as for every other invalid token."""
    await ask(client, pair)
    token = token_of(await read_mails(auth))
    await a_user(auth, NEW)

    refused = await confirm(client, token)

    assert told(refused) == (400, "mail_token_invalid")
    assert await address_of(client, pair) == ("ada@example.com", False)


async def test_confirming_ends_the_sessions_of_other_devices(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    other = await login_as(auth, ada)
    await ask(client, pair)

    await confirm(client, token_of(await read_mails(auth)))

    assert not await is_live(client, other.access_token)
    assert told(await renew(client, other.refresh_token)) == (401, "session_ended")
    assert (await renew(client, pair.refresh_token)).status_code == 200


async def test_every_invalid_token_is_answered_with_the_same_bytes(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, clock: FakeClock
) -> None:
    await ask(client, pair)
    older = token_of(await read_mails(auth))
    await ask(client, pair)
    used = token_of(await read_mails(auth))
    changed = used[:-1] + ("A" if used[-1] != "A" else "B")
    answers = [await confirm(client, each) for each in (older, used[:-1], f"{used} ", changed, "")]
    accepted = await confirm(client, used)
    answers.append(await confirm(client, used))
    renewed = await auth.renew(pair.refresh_token)
    await ask(client, renewed, BODY | {"new_email": "third@example.org"})
    expired = token_of(await read_mails(auth))
    clock.advance(hours=1)
    answers.append(await confirm(client, expired))

    assert accepted.status_code == 204
    assert {told(each) for each in answers} == {(400, "mail_token_invalid")}
    assert len({each.content for each in answers}) == 1


async def test_a_mail_scanner_that_opens_the_link_consumes_nothing(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    await ask(client, pair)
    token = token_of(await read_mails(auth))

    for method in ("GET", "HEAD"):
        scanned = await client.request(
            method, "/auth/email/change/confirm", params={"token": token}
        )
        assert scanned.status_code == 405

    assert (await confirm(client, token)).status_code == 204


async def test_a_wrong_password_asks_for_nothing(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """V7.5.1."""
    await read_mails(auth)

    refused = await ask(client, pair, BODY | {"password": "wrong"})

    assert told(refused) == (403, "wrong_password")
    assert await read_mails(auth) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"new_email": "ada"}, "new_email", id="no-address"),
        pytest.param(
            {"new_email": "a@example.com\r\nBcc: b@example.com"}, "new_email", id="header"
        ),
        pytest.param({"new_email": '"a b"@example.com'}, "new_email", id="quoted"),
        pytest.param({"new_email": "a\u3164@example.com"}, "new_email", id="blank-letter"),
        pytest.param({"new_email": f"{'a' * 320}@example.com"}, "new_email", id="too-long"),
        pytest.param({"new_email": "a\0@example.com"}, "new_email", id="nul"),
        pytest.param({"new_email": None}, "new_email", id="null"),
        pytest.param({"password": None}, "password", id="no-password"),
        pytest.param({"email": NEW}, "email", id="unknown-field"),
    ],
)
async def test_an_invalid_body_asks_for_nothing(
    client: httpx2.AsyncClient,
    auth: Auth,
    pair: TokenPair,
    changes: dict[str, object],
    field: str,
) -> None:
    await read_mails(auth)

    refused = await ask(client, pair, BODY | changes)

    assert told(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == [field]
    assert await read_mails(auth) == []


@pytest.mark.parametrize("address", ["Ada@Example.com", "ada@example.com"])
async def test_the_own_address_can_be_written_in_another_way(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, address: str
) -> None:
    await ask(client, pair, BODY | {"new_email": address})

    confirmed = await confirm(client, token_of(await read_mails(auth)))

    assert confirmed.status_code == 204
    log_in = {"email": "ada@example.com", "password": PASSWORD}
    assert (await client.post("/auth/login", json=log_in)).status_code == 200


async def test_where_mails_are_off_no_address_can_be_changed(storage: Storage) -> None:
    app, auth = FastAPI(), make_auth(storage=storage, mail_options=MailOptions(is_on=False))
    install(app, auth)

    async with auth, talking_to(app) as client:
        pair = await login_as(auth, await a_user(auth))
        answers = [await ask(client, pair), await confirm(client, "")]

    assert [each.status_code for each in answers] == [404, 404]
