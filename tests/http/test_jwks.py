import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.http.conftest import bearer, talking_to
from tokenpair import Key, Keyring, TokenPair, User
from tokenpair.core.tokens.key import KeyState
from tokenpair.core.tokens.key_rotation import compromise
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.fastapi import install
from tokenpair.testing import FakeClock, a_user, login_as, make_auth

PATH = "/.well-known/jwks.json"
PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_the_public_keys_are_public_and_may_be_cached(
    client: httpx2.AsyncClient, keyring: Keyring, path: str
) -> None:
    response = await client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.headers["cache-control"] == "public, max-age=300"
    assert [key["kid"] for key in response.json()["keys"]] == [keyring.signing.kid]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_no_private_part_of_a_key_is_ever_served(algorithm: str) -> None:
    other = Key.generate(algorithm, state=KeyState.PUBLISHED)
    keyring = Keyring([Key.generate(algorithm), other])
    app = FastAPI()
    install(app, make_auth(keyring=keyring, audience="https://auth.test"))

    async with talking_to(app) as client:
        response = await client.get(PATH)

    assert all(key.keys() <= PUBLIC_MEMBERS for key in response.json()["keys"])
    for private in keyring.to_private_jwks()["keys"]:
        assert private.get("d", private.get("k")) not in response.text
    shown = [key["alg"] for key in response.json()["keys"]]
    assert shown == ([] if algorithm == "HS256" else [algorithm, algorithm])


async def test_a_stranger_verifies_access_tokens_by_them(
    client: httpx2.AsyncClient, ada: User, pair: TokenPair
) -> None:
    keys = KeySet.import_key_set((await client.get(PATH)).json())

    token = jwt.decode(pair.access_token, keys, algorithms=["ES256"])

    assert token.header["typ"] == "at+jwt"
    assert token.claims["sub"] == str(ada.id)


async def test_the_keys_that_refresh_tokens_are_made_with_are_not_among_them(
    client: httpx2.AsyncClient, keyring: Keyring
) -> None:
    response = await client.get(PATH)

    secret = keyring.signing.refresh_key.as_dict(private=True)["k"]
    assert str(secret) not in response.text
    assert {key["kty"] for key in response.json()["keys"]} == {"EC"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_serves(algorithm: str) -> None:
    auth = make_auth(keyring=Keyring([Key.generate(algorithm)]), audience="https://auth.test")
    app = FastAPI()
    install(app, auth)
    pair = await login_as(auth, await a_user(auth))

    async with talking_to(app) as client:
        seen = await client.get("/auth/me", headers=bearer(pair.access_token))
        renewed = await client.post("/auth/refresh_token", headers=bearer(pair.refresh_token))

    assert (seen.status_code, renewed.status_code) == (200, 200)


async def test_a_renewal_only_key_is_published_no_more() -> None:
    clock = FakeClock()
    leaked = Key.generate()
    keyring = compromise(Keyring([leaked]), leaked.kid, clock())
    app = FastAPI()
    install(app, make_auth(keyring=keyring, clock=clock))

    async with talking_to(app) as client:
        keys = (await client.get(PATH)).json()["keys"]

    assert [key["kid"] for key in keys] == [keyring.signing.kid] != [leaked.kid]
