import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tokenpair import Key, Keyring
from tokenpair.core.keyring import ALGORITHMS
from tokenpair.errors import ConfigurationError

# A busy machine is slow, and that is no failure.
unhurried = settings(deadline=None)

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
def test_what_anyone_may_see_has_no_private_part(keys: dict[str, Key], algorithm: str) -> None:
    jwk = keys[algorithm].to_jwk(private=False)

    assert jwk.keys() <= PUBLIC_MEMBERS
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (algorithm, "sig", keys[algorithm].kid)


@every_algorithm
def test_a_public_key_is_no_signing_key(keys: dict[str, Key], algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="private"):
        Key.from_jwk(keys[algorithm].to_jwk(private=False))


@every_algorithm
def test_no_repr_shows_a_key(keys: dict[str, Key], algorithm: str) -> None:
    key = keys[algorithm]

    assert repr(key) == f"Key(algorithm={algorithm!r})"


def test_the_default_algorithm_is_es256() -> None:
    assert Key.generate().algorithm == "ES256"


@pytest.mark.parametrize("algorithm", ["HS256", "none", "", "EdDSA", "es256", "ES384", "RS512"])
def test_no_other_algorithm_is_known(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="must be one of ES256, Ed25519, PS256, RS256"):
        Key.generate(algorithm)


def test_a_key_id_is_the_keys_thumbprint_whatever_the_file_says() -> None:
    key = Key.generate()

    read = Key.from_jwk(key.to_jwk(private=True) | {"kid": "../../etc/passwd"})

    assert read.kid == key.kid == key.material.thumbprint()


def test_refresh_keys_are_256_bits_and_not_the_keys_themselves(keys: dict[str, Key]) -> None:
    derived = {name: key.refresh_key.raw_value for name, key in keys.items()}

    assert {len(each) for each in derived.values()} == {32}
    assert len(set(derived.values())) == len(ALGORITHMS)


def ec(**changes: Any) -> dict[str, Any]:
    return Key.generate().to_jwk(private=True) | changes


WRONG: dict[str, dict[str, Any]] = {
    "empty": {},
    "no_algorithm": {"kty": "EC", "crv": "P-256"},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
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
    "rsa_of_2048_bits": RSAKey.generate_key(2048).as_dict(private=True) | {"alg": "PS256"},
}


@pytest.mark.parametrize("jwk", WRONG.values(), ids=WRONG.keys())
def test_a_key_that_will_not_do_is_refused_without_quoting_it(jwk: dict[str, Any]) -> None:
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


@unhurried
@given(json_values)
def test_any_json_is_a_keyring_or_a_configuration_error(value: object) -> None:
    with pytest.raises(ConfigurationError):
        Keyring.from_jwks(value)
    with pytest.raises(ConfigurationError):
        Keyring.from_jwks({"keys": [value]})


@unhurried
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


def test_the_first_key_signs_and_all_are_found() -> None:
    newer, older = Key.generate(), Key.generate("Ed25519")

    keyring = Keyring([newer, older])

    assert keyring.signing is newer
    assert keyring.find(newer.kid) is newer
    assert keyring.find(older.kid) is older


@pytest.mark.parametrize("kid", [None, "", 0, {}, [], True, "unknown", 1.5])
def test_any_json_value_may_ask_for_a_key(kid: object) -> None:
    assert Keyring([Key.generate()]).find(kid) is None


def test_a_new_key_signs_and_the_old_keyring_is_as_it_was() -> None:
    old = Keyring([Key.generate()])
    key = Key.generate()

    new = old.with_new(key)

    assert new.keys == (key, old.signing)
    assert len(old.keys) == 1


def test_a_keyring_survives_being_written_down_in_order() -> None:
    keyring = Keyring([Key.generate(), Key.generate("Ed25519"), Key.generate()])

    read = Keyring.from_jwks(json.loads(json.dumps(keyring.to_jwks(private=True))))

    assert [key.kid for key in read.keys] == [key.kid for key in keyring.keys]


def test_one_key_twice_is_one_key() -> None:
    key = Key.generate()

    assert Keyring([key, key]).keys == (key,)


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519"])
def test_what_else_stands_in_the_file_is_neither_obeyed_nor_published(algorithm: str) -> None:
    key = Key.generate(algorithm)
    jwk = key.to_jwk(private=True) | {"key_ops": ["verify"], "note": {"a": "secret"}}

    read = Keyring.from_jwks({"keys": [jwk]})

    assert read.to_jwks(private=False) == Keyring([key]).to_jwks(private=False)


def test_a_key_for_something_else_is_refused() -> None:
    jwk = Key.generate().to_jwk(private=True) | {"use": "enc"}

    with pytest.raises(ConfigurationError, match="not for signing"):
        Keyring.from_jwks({"keys": [jwk]})
