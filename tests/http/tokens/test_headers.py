"""J3, J4, J14: forged header members."""

import json

from tests.http.conftest import (
    Bench,
)
from tests.http.tokens.forging import Forgery, Gate, forged
from tokenpair import Key


def with_embedded_key(bench: Bench) -> str:
    own = Key.generate()
    header = bench.header | {"alg": "ES256", "jwk": own.to_jwk(private=False)}
    return bench.sign(header, bench.claims, own.material, "ES256")


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
