"""T1 to T6: an access token is no refresh token, and neither gains a role."""

import json

import httpx2
import pytest

from tests.http.conftest import (
    Bench,
    bearer,
    says_invalid_token,
    told,
)
from tests.http.tokens.forging import Forgery, Gate, forged
from tokenpair import TokenPair, User
from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.testing import PASSWORD


def resigned_as_the_other_kind(bench: Bench) -> str:
    """Keep header and claims, but sign with the key and algorithm of the other kind."""
    if bench.is_refresh:
        return bench.sign(bench.header, bench.claims, bench.key.material, bench.key.algorithm)
    return bench.sign(bench.header, bench.claims, bench.key.refresh_key, "HS256")


def resigned_and_relabelled(bench: Bench) -> str:
    """Sign with the other kind's key and say so, but keep the kind."""
    if bench.is_refresh:
        header = bench.header | {"alg": bench.key.algorithm}
        return bench.sign(header, bench.claims, bench.key.material, bench.key.algorithm)
    return bench.sign(bench.header | {"alg": "HS256"}, bench.claims, bench.key.refresh_key, "HS256")


def with_the_others_signature(bench: Bench) -> str:
    return f"{bench.token.rpartition('.')[0]}.{bench.other.rpartition('.')[2]}"


def with_the_others_payload(bench: Bench) -> str:
    header, _, signature = bench.token.split(".")
    return f"{header}.{bench.other.split('.')[1]}.{signature}"


KINDS: dict[str, Forgery] = {
    "signed_as_the_other_kind": resigned_as_the_other_kind,
    "signed_as_the_other_kind_and_says_so": resigned_and_relabelled,
    "with_the_others_signature": with_the_others_signature,
    "with_the_others_payload": with_the_others_payload,
    "labelled_as_the_other_kind": lambda b: b.with_header(
        typ="at+jwt" if b.is_refresh else "rt+jwt"
    ),
    "claims_of_the_other_kind": lambda b: b.sign(
        b.header, json.loads(from_base64url(b.other.split(".")[1]))
    ),
    "typ_missing": lambda b: b.without_header("typ"),
    "typ_jwt": lambda b: b.with_header(typ="JWT"),
    "typ_in_capitals": lambda b: b.with_header(typ=b.header["typ"].upper()),
    "typ_list": lambda b: b.with_header(typ=[b.header["typ"]]),
    "typ_object": lambda b: b.with_header(typ={}),
    "typ_null": lambda b: b.with_header(typ=None),
    "typ_with_parameter": lambda b: b.with_header(typ=b.header["typ"] + "; a=b"),
}


@forged(KINDS)
async def test_a_token_of_one_kind_cannot_be_made_into_the_other(
    gate: Gate, forge: Forgery
) -> None:
    """T1, T2, RFC 8725 §3.11."""
    await gate.assert_refuses(forge)


# T: one token for another.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/00000000-0000-0000-0000-000000000000"),
        ("POST", "/auth/logout/all"),
        ("POST", "/auth/logout/others"),
    ],
)
async def test_a_refresh_token_opens_no_endpoint(
    client: httpx2.AsyncClient, pair: TokenPair, method: str, path: str
) -> None:
    """T1."""
    response = await client.request(method, path, headers=bearer(pair.refresh_token))

    assert told(response) == (401, "access_token_required")
    assert response.json()["detail"] == "Please provide a valid access token"
    assert says_invalid_token(response)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_access_token_renews_nothing(
    client: httpx2.AsyncClient, pair: TokenPair, method: str
) -> None:
    """T2."""
    response = await client.request(
        method, "/auth/refresh_token", headers=bearer(pair.access_token)
    )

    assert told(response) == (401, "refresh_token_required")
    assert response.json()["detail"] == "Please provide a valid refresh token"
    assert says_invalid_token(response)


async def test_a_token_names_its_user_by_id_alone(
    client: httpx2.AsyncClient, access_bench: Bench, refresh_bench: Bench, ada: User
) -> None:
    """T4."""
    spoken = json.dumps([access_bench.claims, refresh_bench.claims])

    response = await client.get("/auth/me", headers=bearer(access_bench.token))

    assert "@" not in spoken
    assert "example" not in spoken
    assert response.json()["id"] == str(ada.id) == access_bench.claims["sub"]


async def test_users_cannot_give_themselves_a_role_at_log_in(
    client: httpx2.AsyncClient, ada: User
) -> None:
    """T6."""
    credentials = {"email": ada.email.typed, "password": PASSWORD}

    in_body = await client.post("/auth/login", json=credentials | {"scope": "admin"})
    in_query = await client.post("/auth/login?scope=admin&roles=admin", json=credentials)

    assert told(in_body) == (422, "invalid_input")
    assert roles_in(in_query) == []


async def test_users_cannot_give_themselves_a_role_at_renewal(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """T6."""
    response = await client.post(
        "/auth/refresh_token?scope=admin",
        json={"scope": "admin", "roles": ["admin"]},
        headers=bearer(pair.refresh_token),
    )

    assert roles_in(response) == []


def roles_in(response: httpx2.Response) -> object:
    payload = response.json()["access_token"].split(".")[1]
    return json.loads(from_base64url(payload))["roles"]
