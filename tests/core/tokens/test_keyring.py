import hmac
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tokenpair import Key, Keyring
from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.core.tokens.key import KeyState
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.errors import ConfigurationError

PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}

every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return {algorithm: Key.generate(algorithm) for algorithm in ALGORITHMS}


@every_algorithm
def test_a_key_survives_being_written_down(keys: dict[str, Key], algorithm: str) -> None:
    key = keys[algorithm]

    read = Key.from_jwk(json.loads(json.dumps(key.to_jwk(private=True))))

    assert (read.algorithm, read.kid) == (algorithm, key.kid)
    assert read.to_jwk(private=True) == key.to_jwk(private=True)
    assert read.refresh_key.raw_value == key.refresh_key.raw_value


@every_algorithm
def test_the_public_form_has_no_private_part(keys: dict[str, Key], algorithm: str) -> None:
    jwk = keys[algorithm].to_jwk(private=False)

    assert "k" not in jwk
    assert jwk.keys() <= PUBLIC_MEMBERS
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (algorithm, "sig", keys[algorithm].kid)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "HS256"])
def test_a_public_key_is_no_signing_key(keys: dict[str, Key], algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="private"):
        Key.from_jwk(keys[algorithm].to_jwk(private=False))


@every_algorithm
def test_no_repr_shows_a_key(keys: dict[str, Key], algorithm: str) -> None:
    key = keys[algorithm]

    private = key.to_jwk(private=True)
    assert repr(key).startswith(f"Key(algorithm={algorithm!r}, state=")
    assert str(private.get("d", private.get("k"))) not in repr(key) + repr(Keyring([key]))


def test_the_default_algorithm_is_es256() -> None:
    assert Key.generate().algorithm == "ES256"


@pytest.mark.parametrize("algorithm", ["HS384", "none", "", "eddsa", "es256", "ES384", "RS512"])
def test_no_other_algorithm_is_known(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match=f"must be one of {', '.join(ALGORITHMS)}"):
        Key.generate(algorithm)


def test_a_key_id_is_the_keys_thumbprint() -> None:
    key = Key.generate()
    jwk = key.to_jwk(private=True)
    nameless = {name: value for name, value in jwk.items() if name != "kid"}

    assert Key.from_jwk(nameless).kid == key.kid == key.material.thumbprint()
    with pytest.raises(ConfigurationError, match=f"thumbprint, {key.kid}"):
        Key.from_jwk(jwk | {"kid": "../../etc/passwd"})


def test_refresh_keys_are_256_bits_and_not_the_keys_themselves(keys: dict[str, Key]) -> None:
    derived = {name: key.refresh_key.raw_value for name, key in keys.items()}

    assert {len(each) for each in derived.values()} == {32}
    assert len(set(derived.values())) == len(ALGORITHMS)


def ec(**changes: Any) -> dict[str, Any]:
    return Key.generate().to_jwk(private=True) | changes


# The public example of RFC 7517, appendix A.2.
EXAMPLE = {
    "kty": "EC",
    "crv": "P-256",
    "alg": "ES256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
}


def test_a_keys_refresh_key_is_always_the_same() -> None:
    """HKDF by hand (RFC 5869). Another derivation would log every user out at an upgrade."""
    extracted = hmac.digest(bytes(32), from_base64url(EXAMPLE["d"]), "sha256")
    expected = hmac.digest(extracted, b"tokenpair refresh token v1\x01", "sha256")

    derived = Key.from_jwk(EXAMPLE).refresh_key.raw_value

    assert derived == expected
    assert derived.hex() == "b2707ec874aea94cc0e21b3d3ca3e834d3e566a7a99285ac42b78d479f36f897"


TUTORIAL = b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
RFC_7515_SECRET = (
    "AyM1SysPpbyfDfZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
)
WRONG: dict[str, dict[str, Any]] = {
    "empty": {},
    "no_algorithm": {"kty": "EC", "crv": "P-256"},
    "secret_of_6_bytes": {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
    "secret_of_31_bytes": {"kty": "oct", "k": base64url(bytes(range(31))), "alg": "HS256"},
    "secret_of_fastapis_tutorial": {"kty": "oct", "k": base64url(TUTORIAL), "alg": "HS256"},
    "the_same_as_bytes": {
        "kty": "oct",
        "k": base64url(bytes.fromhex(TUTORIAL.decode())),
        "alg": "HS256",
    },
    "secret_of_jwt_io": {
        "kty": "oct",
        "k": base64url(b"a-string-secret-at-least-256-bits-long"),
        "alg": "HS256",
    },
    "secret_of_rfc_7520": {
        "kty": "oct",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
        "alg": "HS256",
    },
    "secret_that_was_typed": {
        "kty": "oct",
        "k": base64url(b"Your-Super-Secret-Key-Change-Me-In-Production"),
        "alg": "HS256",
    },
    "secret_of_rfc_7515": {"kty": "oct", "k": RFC_7515_SECRET, "alg": "HS256"},
    "secret_that_repeats": {"kty": "oct", "k": base64url(b"changeme" * 8), "alg": "HS256"},
    "secret_with_spare_text": {"kty": "oct", "k": "canary7f3a!" * 9, "alg": "HS256"},
    "secret_missing": {"kty": "oct", "alg": "HS256"},
    "symmetric_as_es256": {"kty": "oct", "k": "c2VjcmV0", "alg": "ES256"},
    "algorithm_null": ec(alg=None),
    "algorithm_list": ec(alg=["ES256"]),
    "algorithm_of_another_key": ec(alg="Ed25519"),
    "another_curve": ECKey.generate_key("P-384").as_dict(private=True) | {"alg": "ES256"},
    "curve_that_lies": ECKey.generate_key("P-384").as_dict(private=True)
    | {"alg": "ES256", "crv": "P-256"},
    "ed448": OKPKey.generate_key("Ed448").as_dict(private=True) | {"alg": "Ed25519"},
    "point_not_on_the_curve": ec(x="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    "x_missing": {name: value for name, value in ec().items() if name != "x"},
    "x_number": ec(x=1),
    "d_number": ec(d=1),
    "d_null": ec(d=None),
    "d_empty": ec(d=""),
    "d_list": ec(d=["canary7f3a"]),
    "d_not_base64": ec(d="canary7f3a!!!"),
    "d_of_zero": ec(d="AA"),
    "rsa_without_members": {"kty": "RSA", "alg": "PS256"},
    "state_unknown": ec(state="retired"),
    "state_list": ec(state=["signing"]),
    "since_text": ec(since="yesterday"),
    "since_beyond_time": ec(since=1e300),
    "rsa_of_2048_bits": RSAKey.generate_key(2048).as_dict(private=True) | {"alg": "PS256"},
    "rsa_of_2560_bits": RSAKey.generate_key(2560).as_dict(private=True) | {"alg": "PS256"},
}


@pytest.mark.parametrize("jwk", WRONG.values(), ids=WRONG.keys())
def test_an_invalid_key_is_refused_without_quoting_it(jwk: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Key.from_jwk(jwk)

    error: BaseException | None = caught.value
    while error:
        assert "canary" not in str(error)
        assert str(jwk.get("d") or "no private part") not in str(error)
        error = error.__cause__


def test_a_private_part_that_is_another_keys_is_refused() -> None:
    mixed = ec(d=Key.generate().to_jwk(private=True)["d"])

    with pytest.raises(ConfigurationError):
        Key.from_jwk(mixed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
GENUINE = Key.generate().to_jwk(private=True)


@given(json_values)
def test_any_json_is_a_keyring_or_a_configuration_error(value: object) -> None:
    with pytest.raises(ConfigurationError):
        Keyring.from_jwks(value)
    with pytest.raises(ConfigurationError):
        Keyring.from_jwks({"keys": [value]})


@given(st.sampled_from(sorted(GENUINE)), json_values)
def test_a_key_with_any_one_member_changed_is_a_key_or_a_configuration_error(
    name: str, value: object
) -> None:
    try:
        keyring = Keyring.from_jwks({"keys": [GENUINE | {name: value}]})
    except ConfigurationError:
        return
    assert keyring.signing.kid == GENUINE["kid"]


@pytest.mark.parametrize(
    "jwks", [None, [], {}, {"keys": []}, {"keys": None}, {"keys": [1]}, {"keys": "x"}, "keys"]
)
def test_what_is_no_key_set_is_refused(jwks: object) -> None:
    with pytest.raises(ConfigurationError, match="not a JWK set"):
        Keyring.from_jwks(jwks)


def test_a_keyring_is_never_empty() -> None:
    with pytest.raises(ConfigurationError):
        Keyring([])


@pytest.mark.parametrize("states", [["published"], ["renewal-only"], ["signing", "signing"]])
def test_exactly_one_key_signs(states: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="exactly one key must be signing"):
        Keyring(Key.generate(state=KeyState(state)) for state in states)


def test_all_keys_are_found() -> None:
    newer, older = Key.generate(), Key.generate("Ed25519", state=KeyState.PUBLISHED)

    keyring = Keyring([newer, older])

    assert keyring.signing is newer
    assert keyring.find(newer.kid) is newer
    assert keyring.find(older.kid) is older


def test_of_a_plain_key_set_the_first_signs_and_the_others_verify() -> None:
    jwks = [Key.generate().to_jwk(private=True) for _ in range(3)]
    plain = [{name: jwk[name] for name in ("kty", "crv", "x", "y", "d", "alg")} for jwk in jwks]

    keyring = Keyring.from_jwks({"keys": plain})

    assert [key.kid for key in keyring.keys] == [jwk["kid"] for jwk in jwks]
    assert [key.state.value for key in keyring.keys] == ["signing", "published", "published"]


def test_symmetric_and_asymmetric_keys_are_never_mixed() -> None:
    for state in KeyState:
        with pytest.raises(ConfigurationError, match="must not be mixed"):
            Keyring([Key.generate(), Key.generate("HS256", state=state)])


@pytest.mark.parametrize("kid", [None, "", 0, {}, [], True, "unknown", 1.5])
def test_any_json_value_may_ask_for_a_key(kid: object) -> None:
    assert Keyring([Key.generate()]).find(kid) is None


def test_a_keyring_survives_being_written_down_in_order() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    keyring = Keyring(
        [
            Key.generate(state=KeyState.PUBLISHED, since=moment),
            Key.generate("Ed25519", since=moment, is_generated=True),
            Key.generate(state=KeyState.RENEWAL_ONLY),
        ]
    )

    read = Keyring.from_jwks(json.loads(json.dumps(keyring.to_private_jwks())))

    def told(keyring: Keyring) -> list[object]:
        return [(key.kid, key.state, key.since, key.is_generated) for key in keyring.keys]

    assert told(read) == told(keyring)


def test_two_keys_with_one_id_are_refused() -> None:
    key = Key.generate()

    with pytest.raises(ConfigurationError, match="the same id"):
        Keyring([key, replace(key, state=KeyState.PUBLISHED)])


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519"])
def test_what_else_stands_in_the_file_is_not_published(algorithm: str) -> None:
    key = Key.generate(algorithm)
    jwk = key.to_jwk(private=True) | {"key_ops": ["sign"], "note": {"a": "secret"}}

    read = Keyring.from_jwks({"keys": [jwk]})

    assert read.to_public_jwks() == Keyring([key]).to_public_jwks()


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["verify"]},
        {"key_ops": ["encrypt", "decrypt"]},
        {"key_ops": ["sign", "encrypt"]},
        {"key_ops": ["sign", "sign"]},
        {"key_ops": []},
        {"key_ops": "sign"},
        {"key_ops": None},
        {"key_ops": [["sign"]]},
        {"key_ops": {"sign": 1}},
    ],
    ids=str,
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_for_something_else_is_refused(
    keys: dict[str, Key], algorithm: str, members: dict[str, object]
) -> None:
    """RFC 7517 §4.2 and §4.3."""
    jwk = keys[algorithm].to_jwk(private=True) | members

    with pytest.raises(ConfigurationError, match="not for signing"):
        Keyring.from_jwks({"keys": [jwk]})


@pytest.mark.parametrize("operations", [["sign", "verify"], ["verify", "sign"]], ids=str)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_that_may_sign_and_verify_is_accepted(
    keys: dict[str, Key], algorithm: str, operations: list[str]
) -> None:
    jwk = keys[algorithm].to_jwk(private=True) | {"key_ops": operations}

    assert Keyring.from_jwks({"keys": [jwk]}).signing.kid == keys[algorithm].kid


def test_a_secret_that_may_sign_alone_is_refused(keys: dict[str, Key]) -> None:
    """Its tokens are verified with the secret itself."""
    jwk = keys["HS256"].to_jwk(private=True) | {"key_ops": ["sign"]}

    with pytest.raises(ConfigurationError, match="sign and verify"):
        Keyring.from_jwks({"keys": [jwk]})


@pytest.mark.parametrize(("algorithm", "other"), list(itertools.permutations(ALGORITHMS, 2)))
def test_no_key_signs_in_the_name_of_another_algorithm(
    keys: dict[str, Key], algorithm: str, other: str
) -> None:
    if {algorithm, other} == {"PS256", "RS256"}:
        return  # The same material: what differs is the padding.
    if {algorithm, other} == {"Ed25519", "EdDSA"}:
        return  # Two names of one signature.

    with pytest.raises(ConfigurationError, match=algorithm):
        _ = Key(algorithm=algorithm, secret=keys[other].secret).signer


def test_the_signing_key_is_published_first() -> None:
    """python-jose tries the keys in order, and fails at one of another type."""
    newest = Key.generate("EdDSA", state=KeyState.PUBLISHED)
    signing = Key.generate()
    oldest = Key.generate(state=KeyState.PUBLISHED)

    published = Keyring([newest, signing, oldest]).to_public_jwks()["keys"]

    assert [key["kid"] for key in published] == [signing.kid, newest.kid, oldest.kid]
