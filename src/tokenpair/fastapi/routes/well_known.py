"""The endpoints for verifiers, at the root: the public keys, and where they are."""

from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tokenpair.auth import Auth
from tokenpair.core.tokens.key_rotation import JWKS_MAX_AGE
from tokenpair.fastapi.endpoints import ENDPOINTS, Endpoints
from tokenpair.fastapi.problems.described import PUBLIC
from tokenpair.fastapi.registry import installations

_CACHEABLE = {"Cache-Control": f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"}


class JwkSetResponse(JSONResponse):
    """A JWK set (RFC 7517 §8.5.2)."""

    media_type = "application/jwk-set+json"


class PublicKey(BaseModel):
    """A public key as a JWK (RFC 7517 §4); its other members depend on `kty`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    kty: str = Field(examples=["EC"])
    kid: str = Field(description="The key's id, as in the header of a token.")
    alg: str = Field(examples=["ES256"])
    use: str = Field(examples=["sig"])


class JwkSet(BaseModel):
    """The keys that verify access tokens (RFC 7517 §5)."""

    keys: list[PublicKey]


class ServerMetadata(BaseModel):
    """The metadata of an authorization server (RFC 8414 §2).

    There are no OAuth endpoints, so the lists of response types and grants are empty.
    """

    issuer: str
    jwks_uri: str
    response_types_supported: list[str] = []
    grant_types_supported: list[str] = []


def add_well_known(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints that all `Auth`s of an app share."""

    @endpoints.add(
        "jwks",
        tags=["keys"],
        summary="See the public keys",
        response_class=JwkSetResponse,
        openapi_extra=PUBLIC,
    )
    async def jwks(request: Request, response: Response) -> JwkSet:
        """See the public keys of every issuer in this app."""
        response.headers.update(_CACHEABLE)
        published = [each for each in installations(request.app).values() if each.publishes_keys]
        sets = [each.auth.keyring.to_public_jwks() for each in published]
        # Two audiences may share one keyring.
        keys = {key["kid"]: key for each in sets for key in each["keys"]}
        return JwkSet(keys=[PublicKey(**key) for key in keys.values()])

    url = _url_of(auth.issuer)
    if not url:
        return  # Without a URL as the issuer, a verifier cannot find the metadata.
    path = _path_of(url)

    @endpoints.add(
        "metadata",
        suffix=path,
        tags=["keys"],
        summary="See where the public keys are",
        openapi_extra=PUBLIC,
    )
    async def server_metadata(request: Request, response: Response) -> ServerMetadata:
        """See where the keys are, for verifiers that know only the issuer (RFC 8414)."""
        issuer = _asked_for(request, path)
        origin = urlsplit(issuer)._replace(path="").geturl()
        mount: str = request.scope.get("root_path", "")
        response.headers.update(_CACHEABLE)
        return ServerMetadata(issuer=issuer, jwks_uri=origin + mount + ENDPOINTS["jwks"].path)


def _asked_for(request: Request, path: str) -> str:
    """Return the issuer with this path and the requested host, or else the first issuer.

    A forged `Host` does no harm: a verifier compares the issuer with the one that it knows (§3.3).
    """
    installed = [each for each in installations(request.app).values() if each.publishes_metadata]
    urls = {each.auth.issuer: _url_of(each.auth.issuer) for each in installed}
    found = {issuer: url for issuer, url in urls.items() if url and _path_of(url) == path}
    host = request.url.netloc
    return next((issuer for issuer, url in found.items() if url.netloc == host), next(iter(found)))


def _path_of(url: SplitResult) -> str:
    """Return what is appended to the path of the metadata (RFC 8414 §3.1)."""
    return url.path.rstrip("/")


def _url_of(issuer: str) -> SplitResult | None:
    """Return the parts of an issuer that is a URL (RFC 8414 §2). http is for development."""
    try:
        url = urlsplit(issuer)
    except ValueError:
        return None
    is_web = url.scheme in {"https", "http"} and bool(url.hostname)
    is_plain = not (url.query or url.fragment or "@" in url.netloc or "{" in url.path)
    return url if is_web and is_plain else None
