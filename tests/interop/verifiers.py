"""Verifiers of other libraries, each used as its documentation shows."""

import subprocess
import warnings
from collections.abc import Callable
from typing import Any

import httpx2
import jwt as pyjwt
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from jose import jwt as python_jose
from jose.exceptions import JOSEError
from joserfc import jwt as joserfc
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.interop.serving import Issuer
from tests.tools import node_packages, program

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Deprecated, and still in use.
    from authlib.jose import JsonWebKey
    from authlib.jose import jwt as authlib_jose
    from authlib.jose.errors import JoseError as AuthlibError


class NotVerified(Exception):
    """The verifier does not accept the token, or cannot read the keys."""


Verifier = Callable[[Issuer, str, str], None]
"""Verifies a token of a given algorithm. Raises what the library raises."""


def with_pyjwt(issuer: Issuer, token: str, algorithm: str) -> None:
    keys = pyjwt.PyJWKClient(issuer.jwks_uri)
    pyjwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=[algorithm],
        issuer=issuer.url,
        audience=issuer.url,
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )


def with_python_jose(issuer: Issuer, token: str, algorithm: str) -> None:
    python_jose.decode(
        token, issuer.jwks(), algorithms=[algorithm], issuer=issuer.url, audience=issuer.url
    )


def with_joserfc(issuer: Issuer, token: str, algorithm: str) -> None:
    keys = KeySet.import_key_set(issuer.jwks())  # type: ignore[arg-type]  # It is JSON.
    rules = joserfc.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer.url}, aud={"essential": True, "value": issuer.url}
    )
    rules.validate(joserfc.decode(token, keys, algorithms=[algorithm]).claims)


def with_authlib_jose(issuer: Issuer, token: str, _: str) -> None:
    rules = {"iss": {"essential": True, "value": issuer.url}}
    keys = JsonWebKey.import_key_set(issuer.jwks())
    authlib_jose.decode(token, keys, claims_options=rules).validate()


class Rfc9068(JWTBearerTokenValidator):  # type: ignore[misc]  # Authlib has no types.
    """Authlib's reader of RFC 9068, which is strict."""

    def get_jwks(self) -> Any:
        metadata = httpx2.get(f"{self.issuer}/.well-known/oauth-authorization-server").json()
        return httpx2.get(metadata["jwks_uri"]).json()


def with_authlib_rfc9068(issuer: Issuer, token: str, _: str) -> None:
    validator = Rfc9068(issuer=issuer.url, resource_server=issuer.url)
    validator.validate_token(validator.authenticate_token(token), [], None)


def with_npm_jose(issuer: Issuer, token: str, _: str) -> None:
    done = subprocess.run(
        [program("node"), node_packages() / "verify.mjs", issuer.url, token],
        capture_output=True,
        text=True,
        check=True,
    )
    if len(done.stdout.strip()) != 36:
        raise NotVerified(done.stdout)


VERIFIERS: dict[str, Verifier] = {
    "`jose` (npm)": with_npm_jose,
    "joserfc": with_joserfc,
    "PyJWT": with_pyjwt,
    "Authlib, `authlib.jose`": with_authlib_jose,
    "Authlib, `rfc9068`": with_authlib_rfc9068,
    "python-jose": with_python_jose,
}
ERRORS = (
    NotVerified,
    pyjwt.PyJWTError,
    JOSEError,
    JoseError,
    AuthlibError,
    InvalidTokenError,
)


def verifies(verifier: str, issuer: Issuer, token: str, algorithm: str) -> bool:
    """Does it accept the token?"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Deprecation warnings of the library.
        try:
            VERIFIERS[verifier](issuer, token, algorithm)
        except ERRORS:
            return False
    return True
