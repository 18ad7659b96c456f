"""The peers: other libraries, each set up in `bench/peers/` as its own documentation says."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx2

from bench import venvs
from bench.figures import BenchError
from bench.processes import Process, running
from bench.traffic import Traffic
from tests.ports import reserved_port

COURSE = "the course's app"
SIMPLEJWT = "simplejwt"

_UVICORN = "uvicorn --no-access-log --log-level warning --port PORT"
# Threads, because otherwise the server keeps no connection open.
_GUNICORN = "gunicorn --worker-class gthread --threads 4 --bind 127.0.0.1:PORT --log-level warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One peer. `module` is its app, and the name of its list of versions.

    `routes` are its protected routes, each with the name of the token that it needs. `renewal`
    takes a refresh token, if the library has one.
    """

    name: str
    module: str
    routes: Mapping[str, tuple[str, str]]
    renewal: Traffic | None = None
    command: str = _UVICORN
    note: str = ""


PROTECTED = ("/protected", "access_token")
PEERS = [
    Peer(
        name="AuthX",
        module="authx",
        routes={"AuthX": PROTECTED},
        renewal=Traffic(path="/refresh", method="POST"),
        note="no rotation, no state",
    ),
    Peer(
        name=COURSE,
        module="course",
        routes={COURSE: PROTECTED},
        renewal=Traffic(path="/refresh_token"),
        note="HS256, block list in Redis, no rotation, no write",
    ),
    Peer(
        name="fastapi-fullauth",
        module="fullauth",
        routes={"fastapi-fullauth": PROTECTED},
        renewal=Traffic(
            path="/api/v1/auth/refresh",
            method="POST",
            body='{"refresh_token":"TOKEN"}',
            is_chain=True,
        ),
        note="rotation, PostgreSQL",
    ),
    Peer(
        name="fastapi-users",
        module="fastapi_users",
        routes={
            "fastapi-users, JWT": PROTECTED,
            "fastapi-users, database": ("/protected-by-row", "database_token"),
        },
    ),
    Peer(
        name=SIMPLEJWT,
        module="simplejwt",
        routes={SIMPLEJWT: PROTECTED},
        renewal=Traffic(
            path="/api/token/refresh/",
            method="POST",
            body='{"refresh":"TOKEN"}',
            is_chain=True,
            answer_key="refresh",
        ),
        command=_GUNICORN,
        note="rotation and block list, PostgreSQL",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A peer with a running server."""

    peer: Peer
    process: Process
    client: httpx2.AsyncClient

    async def tokens(self, number: int, kind: str) -> list[str]:
        """Return the tokens of `number` new accounts. Raises `BenchError`."""
        found = []
        for each in range(number):
            answer = await self.client.post(f"/tokens/{each}")
            if answer.is_error:
                raise BenchError(f"{self.peer.name} returned no token: {answer.text[:200]}")
            found.append(answer.json()[kind])
        return found

    async def renewals(self, number: int) -> Traffic:
        """Renew with the refresh tokens of `number` new accounts."""
        if self.peer.renewal is None:
            raise BenchError(f"{self.peer.name} has no renewal")
        return replace(self.peer.renewal, tokens=await self.tokens(number, "refresh_token"))


@asynccontextmanager
async def started(peer: Peer, *, database_url: str, valkey_url: str) -> AsyncIterator[Running]:
    """Run a peer's server as one worker during the block. Raises `BenchError`."""
    with reserved_port() as port:
        command = peer.command.replace("PORT", str(port)).split()
        python = str(venvs.python_of(peer.module))
        arguments: Sequence[str] = [python, "-m", *command, f"bench.peers.{peer.module}:app"]
        env = {"BENCH_DATABASE_URL": database_url, "BENCH_VALKEY_URL": valkey_url}
        async with (
            running(arguments, port=port, asked="/protected", env=env) as process,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            yield Running(peer=peer, process=process, client=client)
