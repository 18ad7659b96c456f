"""Our codec against joserfc: it accepts no token that joserfc refuses.

And joserfc reads its tokens, with every algorithm.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError

from tests.core.tokens.payload import whole_payload
from tokenpair import AccessClaims, Key, Keyring
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.encoding import base64url
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.errors import InvalidToken

ISSUER = "https://auth.test"
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
KEYRINGS = {name: Keyring([Key.generate(name)]) for name in ALGORITHMS}
CODECS = {
    name: Codec(keyring, issuer=ISSUER, audience=ISSUER) for name, keyring in KEYRINGS.items()
}

# joserfc warns about an old name that is still in use.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

algorithms = st.sampled_from(ALGORITHMS)
claims = st.sampled_from([ACCESS, REFRESH])


def read_by_library(algorithm: str, token: str) -> bytes:
    """Verify as joserfc does, with the key and the algorithm that belong to the header."""
    key = KEYRINGS[algorithm].signing
    is_refresh = token.partition(".")[0] == CODECS[algorithm].encode(REFRESH).partition(".")[0]
    material = key.refresh_key if is_refresh else key.material
    allowed = "HS256" if is_refresh else algorithm
    return jws.deserialize_compact(token, material, algorithms=[allowed]).payload


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("written", [ACCESS, REFRESH], ids=["access", "refresh"])
def test_the_library_reads_what_we_write(
    algorithm: str, written: AccessClaims | FullRefreshClaims
) -> None:
    token = CODECS[algorithm].encode(written)

    payload = json.loads(read_by_library(algorithm, token))

    assert payload == whole_payload(written, issuer=ISSUER, audience=ISSUER)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("written", [ACCESS, REFRESH], ids=["access", "refresh"])
def test_we_read_what_the_library_writes(
    algorithm: str, written: AccessClaims | FullRefreshClaims
) -> None:
    key = KEYRINGS[algorithm].signing
    is_access = isinstance(written, AccessClaims)
    allowed = algorithm if is_access else "HS256"
    token = jws.serialize_compact(
        {"alg": allowed, "kid": key.kid, "typ": written.typ},
        json.dumps(whole_payload(written, issuer=ISSUER, audience=ISSUER)),
        key.material if is_access else key.refresh_key,
        algorithms=[allowed],
    )

    assert CODECS[algorithm].decode(token) == written


@given(algorithms, claims, st.data())
def test_no_change_of_a_token_is_accepted_that_the_library_would_refuse(
    algorithm: str, written: AccessClaims | FullRefreshClaims, data: st.DataObject
) -> None:
    token = CODECS[algorithm].encode(replace(written, token_id=base64url(bytes(16))))
    position = data.draw(st.integers(0, len(token) - 1))
    change = data.draw(st.sampled_from(["drop", "double", "swap", "set"]))
    character = data.draw(st.characters(codec="utf-8"))
    before, after = token[:position], token[position + 1 :]
    mangled = {
        "drop": before + after,
        "double": before + token[position] * 2 + after,
        "swap": before + after[:1] + token[position] + after[1:],
        "set": before + character + after,
    }[change]

    try:
        ours = CODECS[algorithm].decode(mangled)
    except InvalidToken:
        return
    try:
        theirs = json.loads(read_by_library(algorithm, mangled))
    except (JoseError, ValueError) as exc:
        raise AssertionError(f"accepted by us, and by the library not: {mangled}") from exc
    assert whole_payload(ours, issuer=ISSUER, audience=ISSUER) == theirs
    assert ours == written


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_of_another_length_is_refused(algorithm: str) -> None:
    codec = CODECS[algorithm]
    signed, _, signature = codec.encode(ACCESS).rpartition(".")

    for other in ("", signature[:40], signature * 2, base64url(bytes(64)), base64url(b"\xff" * 64)):
        with pytest.raises(InvalidToken):
            codec.decode(f"{signed}.{other}")
