"""J8, J9: missing, invalid and expired claims."""

import json

import httpx2
import pytest

from tests.http.conftest import (
    Bench,
    bearer,
    on_both_storages,
    renew,
    says_invalid_token,
    told,
)
from tests.http.tokens.forging import Forgery, Gate, forged
from tokenpair import Auth, TokenPair
from tokenpair.errors import SessionEnded
from tokenpair.testing import FakeClock, a_user

COMMON_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]


ACCESS_CLAIMS = [*COMMON_CLAIMS, "roles", "ver", "auth_time"]


REFRESH_CLAIMS = [*COMMON_CLAIMS, "parent", "gen", "secret"]


def claims_of(bench: Bench) -> list[str]:
    return REFRESH_CLAIMS if bench.is_refresh else ACCESS_CLAIMS


@pytest.mark.parametrize("number", range(len(ACCESS_CLAIMS)))
async def test_every_claim_is_required(gate: Gate, number: int) -> None:
    """J9."""
    await gate.assert_refuses(lambda bench: bench.without_claim(claims_of(bench)[number]))


@pytest.mark.parametrize("number", range(len(ACCESS_CLAIMS)))
async def test_a_null_is_no_claim(gate: Gate, number: int) -> None:
    """J9."""
    await gate.assert_refuses(lambda bench: bench.with_claims(**{claims_of(bench)[number]: None}))


ISSUERS: dict[str, Forgery] = {
    "issuer_prefix": lambda b: b.with_claims(iss=b.claims["iss"][:-1]),
    "issuer_superstring": lambda b: b.with_claims(iss=b.claims["iss"] + ".evil.example"),
    "issuer_with_slash": lambda b: b.with_claims(iss=b.claims["iss"] + "/"),
    "issuer_in_capitals": lambda b: b.with_claims(iss=b.claims["iss"].upper()),
    "issuer_list": lambda b: b.with_claims(iss=[b.claims["iss"]]),
    "issuer_object": lambda b: b.with_claims(iss={b.claims["iss"]: 1}),
    "issuer_empty": lambda b: b.with_claims(iss=""),
    "audience_list": lambda b: b.with_claims(aud=[b.claims["aud"]]),
    "audience_list_with_others": lambda b: b.with_claims(aud=["https://a.test", b.claims["aud"]]),
    "audience_prefix": lambda b: b.with_claims(aud=b.claims["aud"][:-1]),
    "audience_superstring": lambda b: b.with_claims(aud=b.claims["aud"] + "/books"),
    "audience_empty": lambda b: b.with_claims(aud=""),
    "audience_the_issuer": lambda b: b.with_claims(aud="https://auth.test"),
}


@forged(ISSUERS)
async def test_issuer_and_audience_match_exactly(gate: Gate, forge: Forgery) -> None:
    """J8."""
    await gate.assert_refuses(forge)


CLAIMS: dict[str, Forgery] = {
    "exp_list": lambda b: b.with_claims(exp=[]),
    "exp_object": lambda b: b.with_claims(exp={}),
    "exp_numeric_string": lambda b: b.with_claims(exp=str(b.claims["exp"])),
    "exp_nan": lambda b: b.with_raw_claim("exp", "NaN"),
    "exp_infinity": lambda b: b.with_raw_claim("exp", "Infinity"),
    "exp_1e400": lambda b: b.with_raw_claim("exp", "1e400"),
    "exp_fraction": lambda b: b.with_claims(exp=b.claims["exp"] + 0.5),
    "exp_true": lambda b: b.with_claims(exp=True),
    "exp_negative": lambda b: b.with_claims(exp=-1),
    "exp_beyond_the_calendar": lambda b: b.with_claims(exp=253402300800),
    "exp_2_to_the_64": lambda b: b.with_claims(exp=2**64),
    "exp_of_5000_digits": lambda b: b.with_raw_claim("exp", "9" * 5000),
    "iat_string": lambda b: b.with_claims(iat="now"),
    "iat_negative": lambda b: b.with_claims(iat=-1),
    "nbf_string": lambda b: b.with_claims(nbf="now"),
    "nbf_null": lambda b: b.with_claims(nbf=None),
    "nbf_true": lambda b: b.with_claims(nbf=True),
    "nbf_fraction": lambda b: b.with_claims(nbf=0.5),
    "nbf_negative": lambda b: b.with_claims(nbf=-1),
    "nbf_beyond_the_calendar": lambda b: b.with_claims(nbf=253402300800),
    "sub_number": lambda b: b.with_claims(sub=1),
    "sub_list": lambda b: b.with_claims(sub=[]),
    "sub_empty": lambda b: b.with_claims(sub=""),
    "sub_address": lambda b: b.with_claims(sub="ada@example.com"),
    "sid_number": lambda b: b.with_claims(sid=1),
    "sid_empty": lambda b: b.with_claims(sid=""),
    "sid_not_a_uuid": lambda b: b.with_claims(sid="' OR 1=1--"),
    "jti_number": lambda b: b.with_claims(jti=7),
    "jti_empty": lambda b: b.with_claims(jti=""),
    "duplicate_sub": lambda b: b.sign(b.header, '{"sub":"x",' + json.dumps(b.claims)[1:]),
    "payload_list": lambda b: b.sign(b.header, json.dumps([b.claims])),
    "payload_null": lambda b: b.sign(b.header, "null"),
    "payload_string": lambda b: b.sign(b.header, '"sub"'),
    "payload_number": lambda b: b.sign(b.header, "1"),
    "payload_not_json": lambda b: b.sign(b.header, "sub=1"),
    "payload_not_utf_8": lambda b: b.sign(b.header, b"\xff\xfe"),
    "payload_utf_16": lambda b: b.sign(b.header, json.dumps(b.claims).encode("utf-16")),
    "payload_byte_order_mark": lambda b: b.sign(b.header, "\ufeff" + json.dumps(b.claims)),
    "payload_nested": lambda b: b.sign(b.header, "[" * 2500 + "]" * 2500),
}


@forged(CLAIMS)
async def test_an_invalid_claim_is_refused_though_its_signature_is_right(
    gate: Gate, forge: Forgery
) -> None:
    """J9."""
    await gate.assert_refuses(forge)


async def test_a_token_is_refused_before_its_nbf(gate: Gate) -> None:
    """J9: a registered claim that we never write."""
    await gate.assert_refuses(
        lambda b: b.with_claims(nbf=b.claims["iat"] + 1), "as_access_token", "for_renewal"
    )
    answers = await gate.answers(
        lambda b: b.with_claims(nbf=b.claims["iat"]), "as_access_token", "for_renewal"
    )

    assert {answer.status_code for answer in answers.values()} == {200}


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf", "auth_time"])
async def test_the_end_of_time_in_a_claim_is_no_crash(gate: Gate, claim: str) -> None:
    """J9: a sum with the last second of the calendar would overflow."""
    end = 253402300799

    answers = await gate.answers(lambda b: b.with_claims(**{"exp": end, claim: end}))

    assert {answer.status_code for answer in answers.values()} <= {200, 204, 401}


ACCESS_ONLY: dict[str, Forgery] = {
    "roles_string": lambda b: b.with_claims(roles="admin"),
    "roles_object": lambda b: b.with_claims(roles={"admin": True}),
    "roles_of_numbers": lambda b: b.with_claims(roles=[1]),
    "roles_with_an_empty_one": lambda b: b.with_claims(roles=[""]),
    "ver_true": lambda b: b.with_claims(ver=True),
    "ver_negative": lambda b: b.with_claims(ver=-1),
    "ver_string": lambda b: b.with_claims(ver="0"),
    "ver_fraction": lambda b: b.with_claims(ver=0.0),
    "auth_time_string": lambda b: b.with_claims(auth_time="0"),
    "amr_null": lambda b: b.with_claims(amr=None),
    "amr_string": lambda b: b.with_claims(amr="pwd"),
    "amr_object": lambda b: b.with_claims(amr={"pwd": True}),
    "amr_of_numbers": lambda b: b.with_claims(amr=[1]),
    "amr_with_an_empty_one": lambda b: b.with_claims(amr=[""]),
    "email_verified_null": lambda b: b.with_claims(email_verified=None),
    "email_verified_number": lambda b: b.with_claims(email_verified=1),
    "email_verified_string": lambda b: b.with_claims(email_verified="true"),
    "amr_twice_the_same": lambda b: b.with_claims(amr=["pwd", "pwd"]),
}


REFRESH_ONLY: dict[str, Forgery] = {
    "gen_true": lambda b: b.with_claims(gen=True),
    "gen_negative": lambda b: b.with_claims(gen=-1),
    "gen_string": lambda b: b.with_claims(gen="1"),
    "parent_number": lambda b: b.with_claims(parent=1),
    "parent_empty": lambda b: b.with_claims(parent=""),
    "secret_number": lambda b: b.with_claims(secret=1),
    "secret_empty": lambda b: b.with_claims(secret=""),
    "secret_not_base64url": lambda b: b.with_claims(secret="+/=="),
    "secret_not_canonical": lambda b: b.with_claims(secret=b.claims["secret"][:-1] + "B"),
}


@forged(ACCESS_ONLY)
async def test_an_invalid_claim_of_an_access_token_is_refused(gate: Gate, forge: Forgery) -> None:
    """J9."""
    await gate.assert_refuses(forge, "as_access_token", "for_log_out_as_access_token")


async def test_an_access_token_from_before_amr_stays_valid(
    gate: Gate, auth: Auth, access_bench: Bench
) -> None:
    answers = await gate.answers(lambda b: b.without_claim("amr"), "as_access_token")

    assert answers["as_access_token"].status_code == 200
    assert (await auth.verify_access(access_bench.token)).amr == {"pwd"}
    assert (await auth.verify_access(access_bench.without_claim("amr"))).amr == frozenset()


async def test_an_access_token_from_before_email_verified_stays_valid_and_is_not_verified(
    gate: Gate, auth: Auth, access_bench: Bench
) -> None:
    answers = await gate.answers(lambda b: b.without_claim("email_verified"), "as_access_token")

    verified = access_bench.with_claims(email_verified=True)
    assert answers["as_access_token"].status_code == 200
    assert (await auth.verify_access(verified)).email_verified
    old = access_bench.without_claim("email_verified")
    assert not (await auth.verify_access(old)).email_verified


@forged(REFRESH_ONLY)
async def test_an_invalid_claim_of_a_refresh_token_is_refused(gate: Gate, forge: Forgery) -> None:
    """J9."""
    await gate.assert_refuses(forge, "for_renewal", "for_log_out_as_refresh_token")


@on_both_storages
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"gen": 2**63}, id="gen_too_large_for_a_column"),
        pytest.param({"gen": 2**64}, id="gen_2_to_the_64"),
        pytest.param({"gen": 9, "jti": "\ud800"}, id="jti_lone_surrogate"),
        pytest.param({"gen": 9, "parent": "\ud800"}, id="parent_lone_surrogate"),
        pytest.param({"gen": 9, "jti": "a\0b"}, id="jti_nul"),
    ],
)
async def test_a_claim_that_no_table_can_hold_is_no_crash(
    gate: Gate, changes: dict[str, object]
) -> None:
    """J9."""
    await gate.assert_refuses(lambda bench: bench.with_claims(**changes), "for_renewal")


async def test_an_access_token_dies_at_its_exp(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    clock.advance(pair.expires_in)

    response = await client.get("/auth/me", headers=bearer(pair.access_token))

    assert told(response) == (401, "token_expired")
    assert says_invalid_token(response)


async def test_a_token_of_another_users_session_is_refused(
    client: httpx2.AsyncClient, auth: Auth, access_bench: Bench, refresh_bench: Bench
) -> None:
    """Making one takes a leaked key; renewal, and each check of the row, refuse it."""
    bob = await a_user(auth, "bob@example.com")
    access = access_bench.with_claims(sub=str(bob.id))
    refresh = refresh_bench.with_claims(sub=str(bob.id))

    for_renewal = await renew(client, refresh)

    assert told(for_renewal) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_access(access, check_session=True)
