"""J1, J2: the key decides the algorithm, and only our keys sign."""

import base64
import hmac
import json
from collections.abc import Callable

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from tests.http.conftest import (
    Bench,
    bearer,
    is_live,
    renew,
)
from tests.http.tokens.forging import Forgery, Gate, forged
from tokenpair import Auth, Key, Keyring, TokenPair, User
from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.core.tokens.key_rotation import publish, rotate
from tokenpair.testing import login_as


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
