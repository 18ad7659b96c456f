"""E-mail addresses and passwords: which spellings are one, and which are refused."""

import httpx2
import pytest

from tests.http.bad_input.sending import CANARY, assert_no_echo, body
from tests.http.conftest import on_both_storages, told
from tokenpair import Auth
from tokenpair.errors import InvalidInput
from tokenpair.testing import PASSWORD, read_mails

ADDRESSES = {
    "space_before": f" {CANARY}@example.com",
    "space_after": f"{CANARY}@example.com ",
    "newline": f"{CANARY}@example.com\n",
    "header_injection": f"{CANARY}@example.com\r\nBcc: eve@example.com",
    "name_and_address": f"Ada <{CANARY}@example.com>",
    "two_addresses": f"{CANARY}@example.com,eve@example.com",
    "no_domain": CANARY,
    "no_dot": f"{CANARY}@localhost",
    "ip_address": f"{CANARY}@[127.0.0.1]",
    "quoted": f'"{CANARY}"@example.com',
    "control_character": f"{CANARY}\x1b[31m@example.com",
    "right_to_left": f"{CANARY}\u202e@example.com",
    "two_ats": f"{CANARY}@@example.com",
    "empty": "",
    "of_320_characters": f"{CANARY * 6}aaaa@{'x.' * 122}example.com",
    "line_separator": f"{CANARY}\u2028Bcc: eve@example.com",
    "surrounded_by_quotes": f'"{CANARY}@evil.test"@example.com',
    "comment": f"{CANARY}(comment)@example.com",
    "percent_and_route": f"@evil.test:{CANARY}@example.com",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_what_is_not_one_address_cannot_sign_up(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    """W10, W11."""
    response = await client.post("/auth/signup", json=body(email=address))

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [
        {"field": "email", "reason": "is not a valid e-mail address"}
    ]
    assert_no_echo(response, caplog)


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_what_is_not_one_address_opens_no_account(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    response = await client.post("/auth/login", json=body(email=address))

    assert told(response) == (401, "invalid_credentials")
    assert_no_echo(response, caplog)


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_what_is_not_one_address_gets_no_mail(
    client: httpx2.AsyncClient, auth: Auth, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    """A1: of a forgotten password, a change of address, and an invitation."""
    await read_mails(auth)
    change = {"password": PASSWORD, "new_email": address}

    forgotten = await client.post("/auth/password/forgot", json={"email": address})
    changed = await client.post("/auth/email/change", json=change)
    with pytest.raises(InvalidInput):
        await auth.invite(email=address, roles=frozenset())

    assert forgotten.status_code == 202
    assert told(changed) == (422, "invalid_input")
    assert changed.json()["errors"][0]["field"] == "new_email"
    assert await read_mails(auth) == []
    assert_no_echo(forgotten, caplog)
    assert_no_echo(changed, caplog)


# One account in many spellings.


async def sign_up(client: httpx2.AsyncClient, address: str) -> int:
    return (await client.post("/auth/signup", json=body(email=address))).status_code


@on_both_storages
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("mike@example.com", "MIKE@EXAMPLE.COM", id="case"),
        pytest.param("jos\u00e9@example.com", "jose\u0301@example.com", id="nfc_and_nfd"),
        pytest.param("ANDR\u00e9@example.com", "andre\u0301@example.com", id="case_and_nfd"),
        pytest.param("ada@b\u00fccher.example.com", "ada@BU\u0308CHER.example.com", id="domain"),
        pytest.param("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com", id="idna"),
        pytest.param("ada@example.com", "ada@\uff45xample.com", id="fullwidth_domain"),
    ],
)
async def test_spellings_of_one_address_are_one_account(
    client: httpx2.AsyncClient, first: str, second: str
) -> None:
    """A1."""
    assert await sign_up(client, first) == 201

    assert await sign_up(client, second) == 409
    logged_in = await client.post("/auth/login", json=body(email=second))
    assert logged_in.status_code == 200


@on_both_storages
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("mike@example.com", "m\u0131ke@example.com", id="dotless_i"),
        pytest.param("mike@example.com", "\uff4dike@example.com", id="fullwidth"),
        pytest.param("mike@example.com", "m\u0456ke@example.com", id="cyrillic"),
        pytest.param("mike@example.com", "m\u00efke@example.com", id="diaeresis"),
        pytest.param("mike@example.com", "mike+tag@example.com", id="tag"),
        pytest.param("mike@example.com", "m.ike@example.com", id="dot"),
    ],
)
async def test_addresses_that_look_alike_are_two_accounts(
    client: httpx2.AsyncClient, first: str, second: str
) -> None:
    """A1."""
    assert await sign_up(client, first) == 201

    logged_in = await client.post("/auth/login", json=body(email=second))
    assert told(logged_in) == (401, "invalid_credentials")
    assert await sign_up(client, second) in {201, 422}


async def test_a_password_is_the_same_in_either_unicode_form(client: httpx2.AsyncClient) -> None:
    composed, decomposed = "caf\u00e9 au lait et croissants", "cafe\u0301 au lait et croissants"
    await client.post("/auth/signup", json=body(password=composed))

    response = await client.post("/auth/login", json=body(password=decomposed))

    assert response.status_code == 200


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(f" {PASSWORD} ", id="spaces_around"),
        pytest.param("pass\tphrase with\r\ncontrols", id="controls"),
        pytest.param("\U0001f600\U0001f4a9 of many faces \U0001f47b", id="emoji"),
        pytest.param("\u03bb\u03cc\u03b3\u03bf\u03c2 \u03ba\u03b1\u03b9 logos", id="greek"),
        pytest.param("x9Q! vKe7 " * 102 + "last", id="1024_characters"),
        pytest.param("e\u0301\u4e16" + "long enough to be one" * 4, id="more_than_72_bytes"),
    ],
)
async def test_a_password_is_taken_as_it_is(client: httpx2.AsyncClient, password: str) -> None:
    """A18, V6.2.8, V6.2.9."""
    signed_up = await client.post("/auth/signup", json=body(password=password))

    right = await client.post("/auth/login", json=body(password=password))
    cut = await client.post("/auth/login", json=body(password=password[:-1]))
    other = await client.post("/auth/login", json=body(password=password.strip()[:-1] + "."))

    assert (signed_up.status_code, right.status_code) == (201, 200)
    assert {told(cut), told(other)} == {(401, "invalid_credentials")}
