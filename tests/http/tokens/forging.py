"""Where forged tokens are presented, and what the answer must be.

The ids (J1, T2 ...) in the tests are rows of docs/explanation/security.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import httpx2
import pytest

from tests.http.conftest import (
    Bench,
    bearer,
    is_live,
    renew,
    says_invalid_token,
    told,
)

Forgery = Callable[[Bench], str]


# Where each forged token is presented. With a genuine token, each request succeeds.
PLACES = {
    "as_access_token": ("access", "GET", "/auth/me"),
    "for_renewal": ("refresh", "POST", "/auth/refresh_token"),
    "for_log_out_as_access_token": ("access", "POST", "/auth/logout"),
    "for_log_out_as_refresh_token": ("refresh", "POST", "/auth/logout"),
}


def forged(cases: dict[str, Forgery]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("forge", cases.values(), ids=cases.keys())


@dataclass(frozen=True)
class Gate:
    """Presents forged tokens to each endpoint that accepts a genuine one."""

    client: httpx2.AsyncClient
    access_bench: Bench
    refresh_bench: Bench

    async def answers(self, forge: Forgery, *places: str) -> dict[str, httpx2.Response]:
        """Forge from the kind that each place accepts, present it there, and return the answers."""
        benches = {"access": self.access_bench, "refresh": self.refresh_bench}
        answers = {}
        for place in places or PLACES:
            kind, method, path = PLACES[place]
            token = forge(benches[kind])
            answers[place] = await self.client.request(method, path, headers=bearer(token))
        return answers

    async def assert_refuses(self, forge: Forgery, *places: str) -> None:
        """Require that the token is answered as invalid, and that it changes nothing."""
        answers = await self.answers(forge, *places)

        refused = {place: told(answer) for place, answer in answers.items()}
        assert refused == dict.fromkeys(answers, (401, "token_invalid"))
        assert all(says_invalid_token(answer) for answer in answers.values())
        assert await is_live(self.client, self.access_bench.token)
        assert (await renew(self.client, self.refresh_bench.token)).status_code == 200
