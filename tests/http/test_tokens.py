"""Forged, mangled and misused tokens. The ids are those of the catalogue of real holes."""

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from tests.http.conftest import (
    Bench,
    bearer,
    is_live,
    on_both_storages,
    renew,
    says_invalid_token,
    talking_to,
    told,
)
from tokenpair import Auth, Key, Keyring, TokenPair, User, Windows
from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.core.tokens.key_rotation import publish, rotate
from tokenpair.errors import SessionEnded
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Forgery = Callable[[Bench], str]

# Where each forged token is tried: with a genuine token in its place, each would succeed.
PLACES = {
    "as_access_token": ("access", "GET", "/auth/me"),
    "for_renewal": ("refresh", "POST", "/auth/refresh_token"),
    "for_log_out_as_access_token": ("access", "POST", "/auth/logout"),
    "for_log_out_as_refresh_token": ("refresh", "POST", "/auth/logout"),
}


def forged(cases: dict[str, Forgery]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("forge", cases.values(), ids=cases.keys())


@dataclass(frozen=True)
class Gate:
    """Presents forged tokens wherever a genuine one would open something."""

    client: httpx2.AsyncClient
    access_bench: Bench
    refresh_bench: Bench

    async def answers(self, forge: Forgery, *places: str) -> dict[str, httpx2.Response]:
        """Forge from the kind that belongs there, at all places or at some, and present it."""
        benches = {"access": self.access_bench, "refresh": self.refresh_bench}
        answers = {}
        for place in places or PLACES:
            kind, method, path = PLACES[place]
            token = forge(benches[kind])
            answers[place] = await self.client.request(method, path, headers=bearer(token))
        return answers

    async def assert_refuses(self, forge: Forgery, *places: str) -> None:
        """Require that the token is told to be none of ours, and that nothing happens by it."""
        answers = await self.answers(forge, *places)

        refused = {place: told(answer) for place, answer in answers.items()}
        assert refused == dict.fromkeys(answers, (401, "token_invalid"))
        assert all(says_invalid_token(answer) for answer in answers.values())
        assert await is_live(self.client, self.access_bench.token)
        assert (await renew(self.client, self.refresh_bench.token)).status_code == 200


@pytest.fixture
def gate(client: httpx2.AsyncClient, access_bench: Bench, refresh_bench: Bench) -> Gate:
    return Gate(client, access_bench, refresh_bench)


async def test_the_bench_forges_what_would_be_accepted(
    client: httpx2.AsyncClient, access_bench: Bench, refresh_bench: Bench
) -> None:
    access = access_bench.with_claims(jti="another")
    refresh = refresh_bench.with_claims(exp=refresh_bench.claims["exp"] - 1)

    answers = [
        await client.get("/auth/me", headers=bearer(access)),
        await renew(client, refresh),
        await client.post("/auth/logout", headers=bearer(refresh)),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 204]


# J1: the algorithm and the key.


def hs256(bench: Bench, secret: bytes, algorithm: str = "HS256", digest: str = "sha256") -> str:
    header = base64url(json.dumps(bench.header | {"alg": algorithm}).encode())
    signed = f"{header}.{base64url(json.dumps(bench.claims).encode())}"
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), digest))}"


def public_pem(key: Key) -> bytes:
    assert isinstance(key.material, ECKey)
    return key.material.as_pem(private=False)


def public_der(key: Key) -> bytes:
    material = key.material
    assert isinstance(material, ECKey)
    return material.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def unsigned(bench: Bench, algorithm: str, signature: str) -> str:
    signature = bench.token.split(".")[2] if signature == "genuine" else signature
    header = base64url(json.dumps(bench.header | {"alg": algorithm}).encode())
    return f"{header}.{bench.token.split('.')[1]}.{signature}"


PUBLIC_SECRETS: dict[str, Callable[[Key], bytes]] = {
    "pem": public_pem,
    "pem_without_newline": lambda key: public_pem(key).strip(),
    "der": public_der,
    "base64_of_der": lambda key: base64.b64encode(public_der(key)),
    "jwk": lambda key: json.dumps(key.to_jwk(private=False)).encode(),
    "compact_jwk": lambda key: json.dumps(
        key.to_jwk(private=False), separators=(",", ":"), sort_keys=True
    ).encode(),
    "bare_jwk": lambda key: json.dumps(key.material.as_dict(private=False)).encode(),
    "jwks": lambda key: json.dumps(Keyring([key]).to_public_jwks()).encode(),
    "array_of_jwks": lambda key: json.dumps([key.to_jwk(private=False)]).encode(),
    "kid": lambda key: key.kid.encode(),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("secret", PUBLIC_SECRETS)
async def test_a_public_key_is_no_secret(gate: Gate, secret: str) -> None:
    """J1."""
    await gate.assert_refuses(lambda bench: hs256(bench, PUBLIC_SECRETS[secret](bench.key)))


async def test_what_the_endpoint_serves_is_no_secret(gate: Gate) -> None:
    """J1."""
    served = (await gate.client.get("/.well-known/jwks.json")).content

    await gate.assert_refuses(lambda bench: hs256(bench, served))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("signature", ["", "AA", "genuine"])
async def test_a_token_without_a_signature_is_refused(
    gate: Gate, algorithm: str, signature: str
) -> None:
    """J1."""
    await gate.assert_refuses(lambda bench: unsigned(bench, algorithm, signature))


def with_embedded_key(bench: Bench) -> str:
    own = Key.generate()
    header = bench.header | {"alg": "ES256", "jwk": own.to_jwk(private=False)}
    return bench.sign(header, bench.claims, own.material, "ES256")


def with_own_key_and_our_kid(bench: Bench) -> str:
    own = Key.generate()
    return bench.sign(bench.header | {"alg": "ES256"}, bench.claims, own.material, "ES256")


def with_own_key_and_its_kid(bench: Bench) -> str:
    own = Key.generate()
    header = bench.header | {"alg": "ES256", "kid": own.kid}
    return bench.sign(header, bench.claims, own.material, "ES256")


def with_a_p384_key(bench: Bench) -> str:
    own = ECKey.generate_key("P-384")
    return bench.sign(bench.header | {"alg": "ES384"}, bench.claims, own, "ES384")


def with_the_private_key_as_secret(bench: Bench) -> str:
    private = from_base64url(str(bench.key.material.as_dict(private=True)["d"]))
    return hs256(bench, private)


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


KEYS: dict[str, Forgery] = {
    "ours_was_another_algorithm_es384": lambda b: b.with_header(alg="ES384"),
    "ours_was_another_algorithm_hs512": lambda b: b.with_header(alg="HS512"),
    "ours_was_another_algorithm_ps256": lambda b: b.with_header(alg="PS256"),
    "ours_was_another_algorithm_eddsa": lambda b: b.with_header(alg="EdDSA"),
    "lower_case_algorithm": lambda b: b.with_header(alg=b.header["alg"].lower()),
    "hs512_under_the_refresh_key": lambda b: hs256(
        b, b.key.refresh_key.raw_value, "HS512", "sha512"
    ),
    "p384_key_of_its_own": with_a_p384_key,
    "key_of_its_own_and_our_kid": with_own_key_and_our_kid,
    "key_of_its_own_and_its_kid": with_own_key_and_its_kid,
    "private_key_as_secret": with_the_private_key_as_secret,
    "algorithm_missing": lambda b: b.without_header("alg"),
    "algorithm_null": lambda b: b.with_header(alg=None),
    "algorithm_list": lambda b: b.with_header(alg=[b.header["alg"]]),
}


@forged(KEYS)
async def test_the_key_decides_the_algorithm(gate: Gate, forge: Forgery) -> None:
    """J1, J2."""
    await gate.assert_refuses(forge)


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


HEADERS: dict[str, Forgery] = {
    "crit_empty": lambda b: b.with_header(crit=[]),
    "crit_unknown": lambda b: b.with_header(crit=["x"], x=1),
    "crit_without_member": lambda b: b.with_header(crit=["x"]),
    "crit_string": lambda b: b.with_header(crit="exp"),
    "b64_false": lambda b: b.with_header(b64=False),
    "b64_false_and_crit": lambda b: b.with_header(b64=False, crit=["b64"]),
    "b64_true": lambda b: b.with_header(b64=True),
    "jwk_of_ours": lambda b: b.with_header(jwk=b.key.to_jwk(private=False)),
    "jku": lambda b: b.with_header(jku="https://evil.example/jwks.json"),
    "x5u": lambda b: b.with_header(x5u="https://evil.example/cert.pem"),
    "x5c": lambda b: b.with_header(x5c=["MIIB"]),
    "zip": lambda b: b.with_header(zip="DEF"),
    "cty": lambda b: b.with_header(cty="JWT"),
    "enc": lambda b: b.with_header(enc="A128GCM"),
    "p2c": lambda b: b.with_header(p2c=2**31),
    "unknown_member": lambda b: b.with_header(hello="world"),
    "duplicate_alg": lambda b: b.sign(
        '{"alg":"none",' + json.dumps(b.header)[1:],
        b.claims,
    ),
    "duplicate_kid": lambda b: b.sign('{"kid":"x",' + json.dumps(b.header)[1:], b.claims),
    "list": lambda b: b.sign(json.dumps([b.header]), b.claims),
    "string": lambda b: b.sign('"alg"', b.claims),
    "null": lambda b: b.sign("null", b.claims),
    "empty_object": lambda b: b.sign("{}", b.claims),
    "not_json": lambda b: b.sign("alg=ES256", b.claims),
    "nan": lambda b: b.sign(json.dumps(b.header)[:-1] + ', "x": NaN}', b.claims),
    "byte_order_mark": lambda b: b.sign("\ufeff" + json.dumps(b.header), b.claims),
}


@forged(HEADERS)
async def test_a_header_has_exactly_our_three_members(gate: Gate, forge: Forgery) -> None:
    """J3, J4, J6."""
    await gate.assert_refuses(forge)


async def test_a_key_in_the_header_is_not_believed(gate: Gate) -> None:
    """J4."""
    await gate.assert_refuses(with_embedded_key)


KIDS: dict[str, Forgery] = {
    "missing": lambda b: b.without_header("kid"),
    "unknown": lambda b: b.with_header(kid="unknown"),
    "empty": lambda b: b.with_header(kid=""),
    "integer": lambda b: b.with_header(kid=0),
    "object": lambda b: b.with_header(kid={}),
    "list": lambda b: b.with_header(kid=[b.key.kid]),
    "null": lambda b: b.with_header(kid=None),
    "path": lambda b: b.with_header(kid="../../dev/null"),
    "sql": lambda b: b.with_header(kid="' OR 1=1--"),
    "nul": lambda b: b.with_header(kid=b.key.kid + "\0"),
    "lone_surrogate": lambda b: b.with_header(kid="\ud800"),
    "ten_kilobytes": lambda b: b.with_header(kid="k" * 10_000),
}


@forged(KIDS)
async def test_a_kid_is_only_ever_looked_up(gate: Gate, forge: Forgery) -> None:
    """J14."""
    await gate.assert_refuses(forge)


# J8, J9: the claims.

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
async def test_an_odd_claim_is_refused_whoever_signed_it(gate: Gate, forge: Forgery) -> None:
    """J9."""
    await gate.assert_refuses(forge)


async def test_a_token_is_refused_before_its_nbf(gate: Gate) -> None:
    """J9: a claim that is registered, and ignored."""
    await gate.assert_refuses(
        lambda b: b.with_claims(nbf=b.claims["iat"] + 1), "as_access_token", "for_renewal"
    )
    answers = await gate.answers(
        lambda b: b.with_claims(nbf=b.claims["iat"]), "as_access_token", "for_renewal"
    )

    assert {answer.status_code for answer in answers.values()} == {200}


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf", "auth_time"])
async def test_the_end_of_time_in_a_claim_is_no_crash(gate: Gate, claim: str) -> None:
    """J9: and a second before it, where any sum would be beyond."""
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
async def test_an_odd_claim_of_an_access_token_is_refused(gate: Gate, forge: Forgery) -> None:
    """J9."""
    await gate.assert_refuses(forge, "as_access_token", "for_log_out_as_access_token")


@forged(REFRESH_ONLY)
async def test_an_odd_claim_of_a_refresh_token_is_refused(gate: Gate, forge: Forgery) -> None:
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
    """It takes a leaked key to make one; then renewal, and whoever looks at the row, refuse it."""
    bob = await a_user(auth, "bob@example.com")
    access = access_bench.with_claims(sub=str(bob.id))
    refresh = refresh_bench.with_claims(sub=str(bob.id))

    for_renewal = await renew(client, refresh)

    assert told(for_renewal) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_access(access, check_session=True)


# J5, J7: large and deep.


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("a" * 8193, id="just_above_8_kilobytes"),
        pytest.param("a" * 1_000_000, id="a_megabyte"),
        pytest.param(f"{'a' * 1_000_000}.e30.AA", id="a_header_of_a_megabyte"),
        pytest.param("." * 1_000_000, id="a_megabyte_of_dots"),
    ],
)
async def test_a_large_token_is_refused_in_few_words(
    gate: Gate, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """J5."""
    caplog.set_level(logging.DEBUG)

    answers = (await gate.answers(lambda _: token)).values()

    assert {told(answer) for answer in answers} == {(401, "token_invalid")}
    assert max(len(answer.content) for answer in answers) < 1024
    assert max(len(record.getMessage()) for record in caplog.records) < 1024
    assert "aaaaaaaaaaaaaaaa" not in caplog.text


def nested_header(bench: Bench, depth: int) -> str:
    deep = "[" * depth + "]" * depth
    return bench.sign(json.dumps(bench.header)[:-1] + f',"x":{deep}}}', bench.claims)


def nested_payload(bench: Bench, depth: int) -> str:
    deep = "[" * depth + "]" * depth
    return bench.sign(bench.header, json.dumps(bench.claims)[:-1] + f',"x":{deep}}}')


@pytest.mark.parametrize("nest", [nested_header, nested_payload])
@pytest.mark.parametrize("depth", [2_500, 100_000])
async def test_deep_nesting_is_refused(
    gate: Gate, nest: Callable[[Bench, int], str], depth: int
) -> None:
    """J7."""
    await gate.assert_refuses(lambda bench: nest(bench, depth))


# J10: many texts for one token.


def with_negated_s(token: str) -> str:
    """Give the twin of an ECDSA signature: (r, n-s) verifies whenever (r, s) does."""
    signed, _, signature = token.rpartition(".")
    raw = from_base64url(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    assert decode_dss_signature(encode_dss_signature(r, s)) == (r, s)
    twin = raw[:32] + (P256_ORDER - s).to_bytes(32, "big")
    return f"{signed}.{base64url(twin)}"


def with_spare_bit(token: str, segment: int) -> str:
    """Set a bit that decoding would drop from a segment's last character."""
    segments = token.split(".")
    text = segments[segment]
    if len(text) % 4 in {0, 1}:
        # No spare bits here; a character of zeros that decoding would drop does as well.
        segments[segment] = text + "A"
    else:
        segments[segment] = text[:-1] + ALPHABET[ALPHABET.index(text[-1]) ^ 1]
    return ".".join(segments)


MANGLED: dict[str, Forgery] = {
    "padding": lambda b: b.token + "=",
    "two_paddings": lambda b: b.token + "==",
    "padding_in_the_payload": lambda b: b.token.replace(".", "=.", 2),
    "space_inside": lambda b: b.token.replace(".", ". ", 1),
    "tab_at_the_end": lambda b: b.token + "\t",
    "hash_inside": lambda b: b.token[:-4] + "#" + b.token[-4:],
    "plus_and_slash": lambda b: b.token[:-1] + "+",
    "spare_bit_in_the_header": lambda b: with_spare_bit(b.token, 0),
    "spare_bit_in_the_payload": lambda b: with_spare_bit(b.token, 1),
    "spare_bit_in_the_signature": lambda b: with_spare_bit(b.token, 2),
    "empty_signature": lambda b: b.token.rpartition(".")[0] + ".",
    "no_signature": lambda b: b.token.rpartition(".")[0],
    "cut_signature": lambda b: b.token[:-1],
    "four_segments": lambda b: b.token + ".AA",
    "two_tokens": lambda b: f"{b.token} {b.token}",
    "leading_dot": lambda b: "." + b.token,
    "comma": lambda b: b.token + ",",
    "quoted": lambda b: f'"{b.token}"',
}


@forged(MANGLED)
async def test_a_token_has_one_spelling(gate: Gate, forge: Forgery) -> None:
    """J10."""
    await gate.assert_refuses(forge)


@pytest.mark.parametrize("with_token", ["access", "refresh"])
async def test_the_twin_of_a_signature_is_no_way_around_log_out(
    client: httpx2.AsyncClient, pair: TokenPair, with_token: str
) -> None:
    """J10."""
    twin = with_negated_s(pair.access_token)
    ending = pair.access_token if with_token == "access" else pair.refresh_token
    await client.post("/auth/logout", headers=bearer(ending))

    response = await client.get("/auth/me", headers=bearer(twin))

    assert told(response) == (401, "session_ended")


# J12, J15: other serialisations.


def json_serialised(bench: Bench) -> str:
    header, payload, signature = bench.token.split(".")
    return json.dumps({"protected": header, "payload": payload, "signature": signature})


def json_with_compact_inside(bench: Bench) -> str:
    header, payload, signature = bench.token.split(".")
    return json.dumps({f"{header}.": 1, "protected": header, "payload": payload, "s": signature})


def encrypted(bench: Bench) -> str:
    public = ECKey.import_key(bench.key.material.as_dict(private=False))
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": bench.key.kid, "typ": bench.header["typ"]}
    return jwe.encrypt_compact(
        header, json.dumps(bench.claims), public, algorithms=["ECDH-ES", "A128GCM"]
    )


def encrypted_bomb(bench: Bench) -> str:
    header = {"alg": "dir", "enc": "A128GCM", "zip": "DEF", "kid": bench.key.kid}
    return jwe.encrypt_compact(
        header, "0" * 100_000, OctKey.generate_key(128), algorithms=["dir", "A128GCM", "DEF"]
    )


def costly_password(bench: Bench) -> str:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "p2s": "AA"}
    return f"{base64url(json.dumps(header | {'kid': bench.key.kid}).encode())}.AA.AA.AA.AA"


SERIALISATIONS: dict[str, Forgery] = {
    "jws_json": json_serialised,
    "jws_json_with_compact_inside": json_with_compact_inside,
    "jwe": encrypted,
    "jwe_bomb": encrypted_bomb,
    "jwe_with_costly_password": costly_password,
    "json_claims": lambda b: json.dumps(b.claims),
    "garbage": lambda _: "garbage",
    "percent_signs": lambda _: "%%%",
    "only_dots": lambda _: "..",
}


@forged(SERIALISATIONS)
async def test_only_the_compact_serialisation_is_read(gate: Gate, forge: Forgery) -> None:
    """J6, J12, J15."""
    await gate.assert_refuses(forge)


# T: one token for another.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/00000000-0000-0000-0000-000000000000"),
        ("POST", "/auth/logout/all"),
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


async def test_nobody_gives_themselves_a_role_at_log_in(
    client: httpx2.AsyncClient, ada: User
) -> None:
    """T6."""
    credentials = {"email": ada.email.typed, "password": PASSWORD}

    in_body = await client.post("/auth/login", json=credentials | {"scope": "admin"})
    in_query = await client.post("/auth/login?scope=admin&roles=admin", json=credentials)

    assert told(in_body) == (422, "invalid_input")
    assert roles_in(in_query) == []


async def test_nobody_gives_themselves_a_role_at_renewal(
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


# W5, W7 and W9 in the header and the path.

MALFORMED: dict[str, list[tuple[bytes, bytes]]] = {
    "bare_scheme": [(b"authorization", b"Bearer")],
    "scheme_and_space": [(b"authorization", b"Bearer ")],
    "empty": [(b"authorization", b"")],
    "space": [(b"authorization", b" ")],
    "basic": [(b"authorization", b"Basic YTpi")],
    "token_alone": [(b"authorization", b"abc")],
    "nothing": [],
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_header_without_a_bearer_token_is_as_none(
    client: httpx2.AsyncClient, headers: list[tuple[bytes, bytes]]
) -> None:
    """W5."""
    answers = [
        await client.request(method, path, headers=headers) for _, method, path in PLACES.values()
    ]

    assert {told(answer) for answer in answers} == {(401, "not_authenticated")}
    assert not any(says_invalid_token(answer) for answer in answers)


@pytest.mark.parametrize(
    "value",
    [b"Bearer %%%", b"Bearer \xff\xfe", "Bearer ü.ü.ü".encode(), b"Bearer a\x00b", b"Bearer a b"],
)
async def test_a_malformed_token_is_refused_and_no_crash(
    client: httpx2.AsyncClient, value: bytes
) -> None:
    """W5."""
    answers = [
        await client.request(method, path, headers=[(b"authorization", value)])
        for _, method, path in PLACES.values()
    ]

    assert {told(answer) for answer in answers} == {(401, "token_invalid")}


@pytest.mark.parametrize("path", ["/auth/login", "/auth/signup", "/auth/logout"])
async def test_nothing_is_done_on_get(app: FastAPI, path: str) -> None:
    """W7."""
    async with talking_to(app) as client:
        response = await client.get(path)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ED%A0%80", "..%2f..%2fetc", "'%20OR%201=1--"])
async def test_an_odd_session_id_is_not_found(
    client: httpx2.AsyncClient, pair: TokenPair, name: str
) -> None:
    """W9."""
    response = await client.delete(f"/auth/sessions/{name}", headers=bearer(pair.access_token))

    assert response.status_code == 404


async def test_after_a_new_key_old_tokens_still_serve(
    client: httpx2.AsyncClient, auth: Auth, keyring: Keyring, ada: User, pair: TokenPair
) -> None:
    newer = rotate(publish(keyring, Key.generate(), auth.clock()), auth.clock(), early=True)
    rotated = Auth(
        storage=auth.storage,
        keyring=newer,
        issuer="https://auth.test",
        audience="https://api.test",
        clock=auth.clock,
    )

    claims = await rotated.verify_access(pair.access_token)
    renewed = await rotated.renew(pair.refresh_token)
    fresh = await login_as(auth, ada)

    assert claims.subject == ada.id
    assert (
        json.loads(from_base64url(renewed.access_token.split(".")[0]))["kid"] == newer.keys[0].kid
    )
    assert await is_live(client, fresh.access_token)


# R: renewal, ending, and races between them.


@on_both_storages
async def test_fifty_renewals_at_once_make_one_child(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """R1."""
    answers = await asyncio.gather(*(renew(client, pair.refresh_token) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@on_both_storages
async def test_the_loser_of_a_race_does_not_end_the_winners_line(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R3."""
    answers = await asyncio.gather(*(renew(client, pair.refresh_token) for _ in range(5)))
    clock.advance(minutes=3)

    next_answer = await renew(client, answers[-1].json()["refresh_token"])

    assert next_answer.status_code == 200


async def advanced(client: httpx2.AsyncClient, clock: FakeClock, token: str, times: int) -> str:
    """Renew so many times, each a while after the last; give the newest refresh token."""
    for _ in range(times):
        token = (await renew(client, token)).json()["refresh_token"]
        clock.advance(minutes=3)
    return token


@on_both_storages
async def test_the_ending_of_a_replayed_session_outlives_the_refusal(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R2."""
    newest = await advanced(client, clock, pair.refresh_token, 3)
    access = (await renew(client, newest)).json()["access_token"]

    replayed = await renew(client, pair.refresh_token)
    with_the_newest = await renew(client, newest)
    as_access = await client.get("/auth/me", headers=bearer(access))

    answers = [replayed, with_the_newest, as_access]
    assert [told(answer) for answer in answers] == [(401, "session_ended")] * 3


@on_both_storages
async def test_no_haste_is_forgiven_after_log_out(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """R5."""
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    await client.post("/auth/logout", headers=bearer(child))

    answers = [await renew(client, token) for token in (pair.refresh_token, child)]

    assert {told(answer) for answer in answers} == {(401, "session_ended")}


@on_both_storages
async def test_only_the_parent_of_the_head_is_forgiven(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R6."""
    second = await advanced(client, clock, pair.refresh_token, 1)
    third = await advanced(client, clock, second, 1)
    await renew(client, third)

    of_the_parent = await renew(client, second)
    of_the_grandparent = await renew(client, pair.refresh_token)
    of_the_head = await renew(client, third)

    assert told(of_the_parent) == (409, "token_superseded")
    assert told(of_the_grandparent) == (401, "session_ended")
    assert told(of_the_head) == (401, "session_ended")


@on_both_storages
async def test_a_token_whose_session_is_gone_is_no_crash(
    client: httpx2.AsyncClient, pair: TokenPair, refresh_bench: Bench
) -> None:
    """R7."""
    token = refresh_bench.with_claims(sid="00000000-0000-7000-8000-000000000000")

    answers = [await renew(client, token), await client.post("/auth/logout", headers=bearer(token))]

    assert told(answers[0]) == (401, "session_ended")
    assert answers[1].status_code == 204
    assert await is_live(client, pair.access_token)


@pytest.mark.parametrize(
    "windows", [Windows(repeat=timedelta(0), superseded=timedelta(0))], ids=["no_windows"]
)
@on_both_storages
async def test_generations_within_one_second_are_told_apart(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R8."""
    tokens = [pair.refresh_token]
    for _ in range(4):
        clock.advance(milliseconds=100)
        tokens.append((await renew(client, tokens[-1])).json()["refresh_token"])

    response = await renew(client, tokens[1])

    assert len(set(tokens)) == 5
    assert told(response) == (401, "session_ended")
    assert told(await renew(client, tokens[-1])) == (401, "session_ended")


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_a_restart_forgets_nothing(
    client: httpx2.AsyncClient,
    clock: FakeClock,
    keyring: Keyring,
    tmp_path: Path,
    pair: TokenPair,
) -> None:
    """R9."""
    newest = await advanced(client, clock, pair.refresh_token, 3)
    restarted = make_auth(
        storage=SqlStorage.from_url(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=clock,
        keyring=keyring,
    )

    async with restarted:
        with pytest.raises(SessionEnded):
            await restarted.renew(pair.refresh_token)

    assert told(await renew(client, newest)) == (401, "session_ended")


@on_both_storages
async def test_log_out_wins_over_renewals_at_the_same_moment(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """R10."""
    for _ in range(10):
        pair = await login_as(auth, ada)

        raced = await asyncio.gather(
            renew(client, pair.refresh_token),
            client.post("/auth/logout", headers=bearer(pair.access_token)),
            renew(client, pair.refresh_token),
        )

        renewed = [answer.json() for answer in raced if answer.status_code == 200]
        refreshers = [pair.refresh_token, *(each["refresh_token"] for each in renewed)]
        accesses = [pair.access_token, *(each["access_token"] for each in renewed)]
        assert [told(await renew(client, each)) for each in refreshers] == [
            (401, "session_ended")
        ] * len(refreshers)
        assert not any([await is_live(client, each) for each in accesses])


@on_both_storages
async def test_age_ends_a_session_without_anyone_cleaning_up(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair, refresh_bench: Bench
) -> None:
    """R11."""
    forever = refresh_bench.with_claims(exp=253402300799)
    clock.advance(days=7)
    idle = await renew(client, pair.refresh_token)
    clock.advance(days=23)

    aged = await renew(client, forever)

    assert told(idle) == (401, "token_expired")
    assert told(aged) == (401, "session_ended")


@on_both_storages
async def test_to_end_a_session_is_to_end_its_refresh_token(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R12, R18."""
    session = (await auth.list_sessions(ada.id))[0]
    await client.delete(f"/auth/sessions/{session.id}", headers=bearer(pair.access_token))

    response = await renew(client, pair.refresh_token)

    assert told(response) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_refresh(pair.refresh_token)


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_a_replay_costs_the_same_however_long_the_line(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User
) -> None:
    """R13."""

    async def statements_of_a_replay(generations: int) -> int:
        pair = await login_as(auth, ada)
        await advanced(client, clock, pair.refresh_token, generations)
        with counted_statements() as counted:
            response = await renew(client, pair.refresh_token)
        assert told(response) == (401, "session_ended")
        return len(counted)

    assert await statements_of_a_replay(2) == await statements_of_a_replay(20)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    counted: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        counted.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


@on_both_storages
async def test_a_disabled_user_is_out_everywhere(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R14."""
    await auth.disable(ada.id)

    answers = [
        await client.get("/auth/me", headers=bearer(pair.access_token)),
        await renew(client, pair.refresh_token),
        await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD}),
    ]

    assert [told(answer) for answer in answers] == [
        (401, "session_ended"),
        (401, "session_ended"),
        (401, "invalid_credentials"),
    ]


@on_both_storages
async def test_to_enable_a_user_again_revives_nothing(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R14."""
    await auth.disable(ada.id)
    await auth.enable(ada.id)

    answers = [
        await client.get("/auth/me", headers=bearer(pair.access_token)),
        await renew(client, pair.refresh_token),
    ]

    assert {told(answer) for answer in answers} == {(401, "session_ended")}
    assert await is_live(client, (await login_as(auth, ada)).access_token)
