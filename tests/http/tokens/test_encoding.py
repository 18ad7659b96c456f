"""J5, J7, J10, J12, J15: large and deep tokens, other spellings, other serialisations."""

import json
import logging
from collections.abc import Callable

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from tests.http.conftest import (
    Bench,
    bearer,
    told,
)
from tests.http.tokens.forging import Forgery, Gate, forged
from tokenpair import TokenPair
from tokenpair.core.tokens.encoding import base64url, from_base64url

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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
    """Return the other form of an ECDSA signature: (r, n-s) verifies whenever (r, s) does."""
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
async def test_a_token_with_the_twin_of_its_signature_ends_with_the_session(
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
