import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from tests.core.tokens.payload import payload_of
from tokenpair import AccessClaims, Key, Keyring
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.encoding import base64url, from_base64url, strict_json
from tokenpair.core.tokens.key_rotation import compromise, publish, rotate
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.errors import (
    AccessTokenRequired,
    AuthError,
    ConfigurationError,
    ExpiredToken,
    InvalidToken,
    RefreshTokenRequired,
    Unavailable,
)

KEYRING = Keyring([Key.generate()])
CODEC = Codec(KEYRING, issuer="https://auth.test", audience="https://api.test")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCESS = AccessClaims(
    subject=UUID(int=1),
    session_id=UUID(int=2),
    token_id=base64url(bytes(16)),
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
    roles=frozenset({"admin"}),
    version=3,
    authenticated_at=NOW,
)
REFRESH = FullRefreshClaims(
    subject=UUID(int=1),
    session_id=UUID(int=2),
    token_id=base64url(bytes(16)),
    issued_at=NOW,
    expires_at=NOW + timedelta(days=7),
    parent=base64url(b"\1" * 16),
    generation=1,
    secret=bytes(16),
)
TOKENS = {"access": CODEC.encode(ACCESS), "refresh": CODEC.encode(REFRESH)}

moments = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  Hypothesis adds the zone.
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))
token_ids = st.binary(min_size=16, max_size=16).map(base64url)
spans = {
    "subject": st.uuids(),
    "session_id": st.uuids(),
    "token_id": token_ids,
    "issued_at": moments,
    "expires_at": moments,
}
access_claims = st.builds(
    AccessClaims,
    **spans,
    roles=st.frozensets(st.text(min_size=1, max_size=20), max_size=5),
    version=st.integers(0, 2**31 - 1),
    authenticated_at=moments,
    amr=st.frozensets(st.text(min_size=1, max_size=20), max_size=3),
    email_verified=st.booleans(),
)
refresh_claims = st.builds(
    FullRefreshClaims,
    **spans,
    parent=token_ids,
    generation=st.integers(0, 2**31 - 1),
    secret=st.binary(min_size=16, max_size=16),
)


@given(access_claims | refresh_claims)
def test_what_was_encoded_decodes_to_the_same(claims: AccessClaims | FullRefreshClaims) -> None:
    token = CODEC.encode(claims)

    assert CODEC.decode(token) == claims


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=200))
def test_any_text_is_refused_and_no_crash(text: str) -> None:
    with pytest.raises(InvalidToken):
        CODEC.decode(text)


@given(
    st.lists(
        st.binary(max_size=60).map(base64url) | st.sampled_from(TOKENS["access"].split(".")),
        min_size=3,
        max_size=3,
    )
)
def test_any_three_segments_are_refused_and_no_crash(segments: list[str]) -> None:
    token = ".".join(segments)

    if token not in TOKENS.values():
        with pytest.raises(InvalidToken):
            CODEC.decode(token)


@given(
    st.sampled_from(sorted(TOKENS)),
    st.integers(0, 700),
    st.characters(codec=None, exclude_categories=()),
)
def test_a_token_with_one_character_changed_is_refused(
    name: str, position: int, character: str
) -> None:
    token = TOKENS[name]
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]

    if changed != token:
        with pytest.raises(InvalidToken):
            CODEC.decode(changed)


@given(st.sampled_from(sorted(TOKENS)), st.integers(0, 700))
def test_a_token_cut_off_anywhere_is_refused(name: str, length: int) -> None:
    with pytest.raises(AuthError):
        CODEC.decode(TOKENS[name][: length % len(TOKENS[name])])


def signed(header: bytes, payload: bytes, kind: str) -> str:
    """Sign any content with the genuine key of a kind."""
    text = f"{base64url(header)}.{base64url(payload)}"
    key = KEYRING.signing
    if kind == "refresh":
        signature = hmac.digest(key.refresh_key.raw_value, text.encode(), "sha256")
    else:
        assert isinstance(key.material, ECKey)
        assert key.material.private_key
        der = key.material.private_key.sign(text.encode(), ECDSA(SHA256()))
        r, s = decode_dss_signature(der)
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{text}.{base64url(signature)}"


def compact(value: object) -> bytes:
    """Write JSON in the form of our tokens: a header is compared byte by byte."""
    return json.dumps(value, separators=(",", ":")).encode()


HEADERS = {kind: strict_json(from_base64url(token.split(".")[0])) for kind, token in TOKENS.items()}
PAYLOADS = {
    kind: strict_json(from_base64url(token.split(".")[1])) for kind, token in TOKENS.items()
}
kinds = st.sampled_from(sorted(TOKENS))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def changed(members: dict[str, object], name: str, value: object) -> dict[str, object]:
    return {each: value if each == name else old for each, old in members.items()}


def test_what_is_signed_here_is_what_would_be_accepted() -> None:
    for kind, claims in {"access": ACCESS, "refresh": REFRESH}.items():
        assert CODEC.decode(signed(compact(HEADERS[kind]), compact(PAYLOADS[kind]), kind)) == claims


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ": "), (" ,", ":")])
def test_a_header_of_ours_has_one_spelling(kind: str, separators: tuple[str, str]) -> None:
    header = json.dumps(HEADERS[kind], separators=separators).encode()

    with pytest.raises(InvalidToken):
        CODEC.decode(signed(header, compact(PAYLOADS[kind]), kind))


@given(kinds, st.binary(max_size=200))
def test_any_bytes_that_we_have_signed_are_a_clear_error(kind: str, payload: bytes) -> None:
    token = signed(compact(HEADERS[kind]), payload, kind)

    with pytest.raises(InvalidToken):
        CODEC.decode(token)


@given(kinds, json_values)
def test_any_json_that_we_have_signed_is_a_clear_error(kind: str, payload: object) -> None:
    token = signed(compact(HEADERS[kind]), json.dumps(payload).encode(), kind)

    with pytest.raises(InvalidToken):
        CODEC.decode(token)


@given(kinds, json_values)
def test_any_header_that_we_have_signed_is_a_clear_error(kind: str, header: object) -> None:
    token = signed(compact(header), json.dumps(PAYLOADS[kind]).encode(), kind)

    with pytest.raises(InvalidToken):
        CODEC.decode(token)


@given(st.data(), kinds, json_values)
def test_one_member_changed_gives_the_claims_that_it_says_or_a_clear_error(
    data: st.DataObject, kind: str, value: object
) -> None:
    """Of the header or of the payload, with a valid signature."""
    of_header = data.draw(st.booleans())
    header, payload = HEADERS[kind], PAYLOADS[kind]
    name = data.draw(st.sampled_from(sorted(header if of_header else payload)))
    if of_header:
        header = changed(header, name, value)
    else:
        payload = changed(payload, name, value)
    token = signed(compact(header), json.dumps(payload).encode(), kind)

    try:
        claims = CODEC.decode(token)
    except InvalidToken:
        return
    said = {"iss": "https://auth.test", "aud": PAYLOADS[kind]["aud"]} | payload_of(claims)
    assert said == {key: value for key, value in payload.items() if key != "client_id"}


@pytest.mark.parametrize("odd", ['a","roles":["root"],"x":"', "\\", "\n", "\u2028", "\x00"])
def test_no_text_in_a_claim_can_break_out_of_it(odd: str) -> None:
    """Only an app's own code can write it; it must not become another claim."""
    access = payload_of(replace(ACCESS, token_id=odd, roles=frozenset({odd})))
    refresh = payload_of(replace(REFRESH, token_id=odd, parent=odd))

    assert access == payload_of(ACCESS) | {"jti": odd, "roles": [odd]}
    assert refresh == payload_of(REFRESH) | {"jti": odd, "parent": odd}


def test_each_kind_is_told_from_the_other() -> None:
    assert CODEC.decode_access(TOKENS["access"]) == ACCESS
    assert CODEC.decode_refresh(TOKENS["refresh"]) == REFRESH
    with pytest.raises(AccessTokenRequired):
        CODEC.decode_access(TOKENS["refresh"])
    with pytest.raises(RefreshTokenRequired):
        CODEC.decode_refresh(TOKENS["access"])


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    "other",
    [
        Codec(KEYRING, issuer="https://auth.test/", audience="https://api.test/"),
        Codec(Keyring([Key.generate()]), issuer="https://auth.test", audience="https://api.test"),
    ],
    ids=["another_issuer", "another_key"],
)
def test_another_issuers_token_is_refused(name: str, other: Codec) -> None:
    with pytest.raises(InvalidToken):
        other.decode(TOKENS[name])


@pytest.mark.parametrize("name", TOKENS)
def test_another_audiences_token_is_refused(name: str) -> None:
    """Also a refresh token: otherwise renewing it would yield another audience's access token."""
    other = Codec(KEYRING, issuer="https://auth.test", audience="https://other.test")

    with pytest.raises(InvalidToken):
        other.decode(TOKENS[name])


def test_a_key_that_others_know_already_is_looked_for_at_once() -> None:
    now = ACCESS.issued_at
    newer = rotate(publish(KEYRING, Key.generate(), now), now, early=True)
    looks = []

    def look_again() -> bool:
        looks.append(1)
        late.use(newer)
        return False

    late = Codec(
        KEYRING, issuer="https://auth.test", audience="https://api.test", look_again=look_again
    )
    early = Codec(newer, issuer="https://auth.test", audience="https://api.test")

    assert late.decode(TOKENS["access"]) == ACCESS
    assert looks == []
    assert late.decode(early.encode(ACCESS)) == ACCESS
    assert looks == [1]


def forged_header(**members: str) -> str:
    header = {"alg": "ES256", "kid": "A" * 43, "typ": "at+jwt"} | members
    return base64url(json.dumps(header, separators=(",", ":")).encode())


@pytest.mark.parametrize("is_settled", [True, False], ids=["settled", "too-soon-to-look"])
def test_an_unknown_key_makes_a_token_invalid_only_where_it_can_be_told(is_settled: bool) -> None:
    codec = Codec(
        KEYRING,
        issuer="https://auth.test",
        audience="https://api.test",
        look_again=lambda: is_settled,
    )

    for typ in ("at+jwt", "rt+jwt"):
        token = f"{forged_header(typ=typ)}.e30.AAAA"
        with pytest.raises(InvalidToken if is_settled else Unavailable):
            codec.decode(token)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "\N{SNOWMAN}",
        forged_header(alg="none"),
        forged_header(kid="../keys"),
        forged_header(typ="JWT"),
        forged_header(jku="https://evil.example"),
        # A known key that verifies no token of this algorithm.
        forged_header(alg="RS256", kid=KEYRING.signing.kid),
    ],
)
def test_a_header_that_no_key_of_ours_can_have_is_not_looked_for(header: str) -> None:
    looks: list[int] = []

    def look_again() -> bool:
        looks.append(1)
        return False

    codec = Codec(
        KEYRING, issuer="https://auth.test", audience="https://api.test", look_again=look_again
    )

    with pytest.raises(InvalidToken):
        codec.decode(f"{header}.e30.AAAA")
    assert looks == []


@pytest.mark.parametrize("name", TOKENS)
def test_after_a_new_key_old_tokens_still_decode(name: str) -> None:
    now = ACCESS.issued_at
    newer = Codec(
        rotate(publish(KEYRING, Key.generate("Ed25519"), now), now, early=True),
        issuer="https://auth.test",
        audience="https://api.test",
    )

    assert newer.decode(TOKENS[name]) == CODEC.decode(TOKENS[name])
    assert newer.decode(newer.encode(ACCESS)) == ACCESS
    with pytest.raises(InvalidToken):
        CODEC.decode(newer.encode(ACCESS))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_writes_both_kinds(algorithm: str) -> None:
    keyring = Keyring([Key.generate(algorithm)])
    codec = Codec(keyring, issuer="https://auth.test", audience="https://auth.test")

    assert codec.decode(codec.encode(ACCESS)) == ACCESS
    assert codec.decode(codec.encode(REFRESH)) == REFRESH


@pytest.mark.parametrize("name", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("other", ["Ed25519", "EdDSA"])
def test_a_key_verifies_under_both_names_of_its_signature_and_writes_its_own(
    name: str, other: str
) -> None:
    key = Key.generate(name)
    renamed = replace(key, algorithm=other)
    codec, later = (
        Codec(Keyring([each]), issuer="https://auth.test", audience="https://auth.test")
        for each in (key, renamed)
    )

    token = codec.encode(ACCESS)

    assert json.loads(from_base64url(token.split(".")[0]))["alg"] == name
    assert later.decode(token) == ACCESS
    assert later.decode(codec.encode(REFRESH)) == REFRESH
    assert renamed.kid == key.kid


def test_an_access_token_names_its_audience_as_the_client() -> None:
    def payload(token: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(from_base64url(token.split(".")[1]))
        return found

    access, refresh = payload(TOKENS["access"]), payload(TOKENS["refresh"])

    assert access["client_id"] == access["aud"] == "https://api.test"
    assert "client_id" not in refresh


@pytest.mark.parametrize("client_id", [None, "another", 7])
def test_the_client_of_a_token_is_never_checked(client_id: object) -> None:
    """A token of an earlier release has none."""
    header, body, _ = TOKENS["access"].split(".")
    payload = json.loads(from_base64url(body)) | {"client_id": client_id}
    if client_id is None:
        del payload["client_id"]
    signed = f"{header}.{base64url(json.dumps(payload).encode())}"
    signature = base64url(KEYRING.signing.signer.sign(signed.encode()))

    assert CODEC.decode(f"{signed}.{signature}") == ACCESS


def test_hs256_is_for_one_service_alone() -> None:
    """Any service that can verify such a token can also sign one."""
    keyring = Keyring([Key.generate("HS256")])

    with pytest.raises(ConfigurationError, match="issuer and audience are the same"):
        Codec(keyring, issuer="https://auth.test", audience="https://api.test")


def test_keys_that_do_not_suit_leave_the_old_ones_in_place() -> None:
    codec = Codec(KEYRING, issuer="https://auth.test", audience="https://api.test")

    with pytest.raises(ConfigurationError):
        codec.use(Keyring([Key.generate("HS256")]))

    assert codec.keyring is KEYRING
    assert codec.decode(TOKENS["access"]) == ACCESS
    assert codec.encode(ACCESS).partition(".")[0] == TOKENS["access"].partition(".")[0]


def test_a_renewal_only_key_verifies_refresh_tokens_and_no_access_tokens() -> None:
    codec = Codec(KEYRING, issuer="https://auth.test", audience="https://api.test")

    codec.use(compromise(KEYRING, KEYRING.signing.kid, ACCESS.issued_at))

    assert codec.decode(TOKENS["refresh"]) == REFRESH
    with pytest.raises(InvalidToken, match="the header is unknown"):
        codec.decode(TOKENS["access"])


def test_a_token_has_a_length_it_cannot_pass() -> None:
    roomy = CODEC.encode(replace(ACCESS, roles=frozenset({"r" * 6000})))
    assert len(roomy) > 8 * 1024

    with pytest.raises(InvalidToken, match="the token is too long"):
        CODEC.decode(roomy)


@pytest.mark.parametrize("claims", [ACCESS, REFRESH], ids=["access", "refresh"])
def test_a_token_dies_at_its_expiry_and_not_before(
    claims: AccessClaims | FullRefreshClaims,
) -> None:
    claims.check(claims.expires_at - timedelta(microseconds=1))

    with pytest.raises(ExpiredToken):
        claims.check(claims.expires_at)


@pytest.mark.parametrize("claims", [ACCESS, REFRESH], ids=["access", "refresh"])
def test_a_token_lives_from_its_nbf_on_and_not_before(
    claims: AccessClaims | FullRefreshClaims,
) -> None:
    """RFC 7519 §4.1.5."""
    later = replace(claims, not_before=claims.issued_at + timedelta(minutes=1))

    later.check(claims.issued_at + timedelta(minutes=1))

    with pytest.raises(InvalidToken, match="not valid before"):
        later.check(claims.issued_at + timedelta(seconds=59))


def test_no_repr_shows_a_secret() -> None:
    secret = bytes(range(16))

    assert repr(secret) not in repr(replace(REFRESH, secret=secret))
    assert "secret" not in repr(REFRESH)
