"""A user with an account, who sends requests to any worker."""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tests.faults.talk import AUTH, Answer, Line
from tests.waiting import limit
from tokenpair.testing import PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The tokens of one log-in."""

    access: str
    refresh: str

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Read the tokens of an answer."""
        assert answer.status == 200, answer
        pair = answer.json()
        return cls(access=pair["access_token"], refresh=pair["refresh_token"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account, identified by its address."""

    email: str

    @classmethod
    async def signed_up(cls, line: Line) -> Self:
        """Sign up an account."""
        person = cls(email=f"{secrets.token_hex(8)}@example.com")
        answer = await line.ask("POST", f"{AUTH}/signup", body=person._credentials())
        assert answer.status == 201, answer
        return person

    async def log_in(self, line: Line) -> Session:
        """Open a session."""
        return Session.of(await line.ask("POST", f"{AUTH}/login", body=self._credentials()))

    def _credentials(self) -> dict[str, str]:
        return {"email": self.email, "password": PASSWORD}


async def renew(line: Line, token: str) -> Answer:
    """Present a refresh token."""
    return await line.ask("POST", f"{AUTH}/refresh_token", token)


async def opens(line: Line, access: str) -> str:
    """Return the code of this worker's answer to an access token; empty if it is accepted.

    A worker that waited for a core for seconds refuses all tokens until it has read the feed.
    """
    async with limit():
        while (answer := await line.ask("GET", f"{AUTH}/me", access)).code == "unavailable":
            await asyncio.sleep(0.1)
    assert answer.status == 200 or answer.code, answer
    return answer.code


async def until_refused(lines: Iterable[Line], access: str, code: str) -> None:
    """Wait until every worker refuses an access token; until then each must accept it."""
    async with limit():
        for line in lines:
            while (said := await opens(line, access)) != code:
                assert said == "", said
