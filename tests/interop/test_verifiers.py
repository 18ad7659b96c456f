"""Other libraries verify our access tokens by the public keys of a running server."""

import re
from collections.abc import Iterator

import pytest
from authlib.oauth2.rfc6750.errors import InvalidTokenError

from tests.docs.reading import HOW_TO
from tests.interop.serving import Issuer, keyring_of, running_issuer
from tests.interop.verifiers import VERIFIERS, Rfc9068, verifies
from tokenpair import AccessClaims
from tokenpair.core.tokens.encoding import base64url, from_base64url

NPM = "`jose` (npm)"
BY_NAME = [
    pytest.param(name, marks=[pytest.mark.long] if name == NPM else [], id=name)
    for name in VERIFIERS
]
ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"]
# Newest key first, as in a key file.
MIXED = ["EdDSA, ES256 signs", "ES256, EdDSA signs", "Ed25519, ES256 signs", "ES256, Ed25519 signs"]


@pytest.fixture(scope="module", params=[*(f"{name} signs" for name in ALGORITHMS), *MIXED])
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    with running_issuer(keyring_of(request.param), roles="admin") as issuer:
        yield issuer


def algorithm_of(issuer: Issuer) -> str:
    return issuer.auth.keyring.signing.algorithm


def table() -> dict[str, list[str]]:
    """Read from the page which verifier reads which algorithms."""
    text = (HOW_TO / "keys.md").read_text()
    head, _, *rows = re.findall(
        r"^\|(.+)\|$", text.partition("## Another algorithm")[2], re.MULTILINE
    )
    algorithms = [cell.strip() for cell in head.split("|")][1:]
    found = {}
    for row in rows:
        name, *cells = (cell.strip() for cell in row.split("|"))
        found[re.sub(r" [\d.]+$", "", name)] = [
            algorithm for algorithm, cell in zip(algorithms, cells, strict=True) if cell == "yes"
        ]
    return found


def tampered(token: str) -> str:
    """Replace the user in a token, and keep the signature."""
    header, body, signature = token.split(".")
    payload = from_base64url(body).replace(b'"roles":["admin"]', b'"roles":["owner"]')
    return f"{header}.{base64url(payload)}.{signature}"


@pytest.mark.parametrize("verifier", BY_NAME)
def test_a_verifier_reads_what_the_page_says_and_believes_no_forgery(
    issuer: Issuer, verifier: str
) -> None:
    algorithm = algorithm_of(issuer)

    is_read = verifies(verifier, issuer, issuer.token, algorithm)

    assert is_read == (algorithm in table()[verifier])
    assert not verifies(verifier, issuer, tampered(issuer.token), algorithm)


def test_the_page_names_every_verifier() -> None:
    assert table().keys() == VERIFIERS.keys()


async def test_we_verify_what_they_do(issuer: Issuer) -> None:
    assert isinstance(await issuer.auth.verify(issuer.token), AccessClaims)


@pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning")
def test_authlib_reads_a_user_without_roles_as_the_page_says() -> None:
    with running_issuer(keyring_of("ES256 signs")) as issuer:
        validator = Rfc9068(issuer=issuer.url, resource_server=issuer.url)
        claims = validator.authenticate_token(issuer.token)
        with pytest.raises(InvalidTokenError):
            validator.validate_token(claims, [], None)

        claims.options["roles"]["allow_blank"] = True

        validator.validate_token(claims, [], None)
