"""What is measured, on one server: each case beside the bare route, round after round."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.load import Load, Traffic, send
from bench.server import PASSWORD, Server, serve

CONNECTIONS = 32
# Twice what a cache of verified tokens holds: by the time one comes round again, it is forgotten.
COLD_TOKENS = 20_000


@dataclass(slots=True, kw_only=True)
class Case:
    """One thing that is measured, and what each round has seen.

    `traffic` is asked for anew in each round: a chain of renewals begins with new log-ins.
    """

    name: str
    traffic: Callable[[], Awaitable[Traffic]]
    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Seconds of the server's CPU for one request, by round."""

    @property
    def errors(self) -> int:
        """How many requests were refused or lost, in all rounds."""
        return sum(load.errors for load in self.loads)


def always(traffic: Traffic) -> Callable[[], Awaitable[Traffic]]:
    """Send the same in every round."""

    async def same() -> Traffic:
        return traffic

    return same


async def request_cases(server: Server) -> list[Case]:
    """What a request costs that shows an access token."""
    pairs = await server.log_in(CONNECTIONS)
    warm = [pair["access_token"] for pair in pairs]
    cold = server.fresh_access_tokens(pairs[0], COLD_TOKENS)
    paths = {
        "bare route": Traffic(path="/bare"),
        "no-op dependency": Traffic(path="/no-op"),
        "authenticated request": Traffic(path="/protected", tokens=warm),
        "authenticated request, token not seen before": Traffic(path="/protected", tokens=cold),
    }
    return [Case(name=name, traffic=always(traffic)) for name, traffic in paths.items()]


async def renewal_cases(server: Server) -> list[Case]:
    """What a renewal costs that rotates."""

    async def chain() -> Traffic:
        # One to spare: wrk asks for a request that it never sends.
        pairs = await server.log_in(CONNECTIONS + 1)
        tokens = [pair["refresh_token"] for pair in pairs]
        return Traffic(path="/auth/refresh_token", method="POST", tokens=tokens, is_chain=True)

    return [
        Case(name="bare route", traffic=always(Traffic(path="/bare"))),
        Case(name="renewal", traffic=chain),
    ]


async def run_round(server: Server, case: Case, seconds: float) -> None:
    """Run a case for some seconds, and keep what was seen."""
    traffic = await case.traffic()
    before = server.cpu_seconds()
    load = await send(server.port, traffic, connections=CONNECTIONS, seconds=seconds)
    case.cpu.append((server.cpu_seconds() - before) / max(load.requests, 1))
    case.loads.append(load)


async def compare(
    make: Callable[[Server], Awaitable[list[Case]]], url: str, *, rounds: int, seconds: float
) -> list[Case]:
    """Measure all cases on one database: in each round every one of them, in random order."""
    async with serve(url) as server:
        cases = await make(server)
        for number in range(rounds + 1):
            for case in random.sample(cases, len(cases)):
                await run_round(server, case, seconds)
                if not number:  # The first round warms up.
                    case.loads, case.cpu = [], []
        return cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """One round of the flood: latencies of an authenticated request, in milliseconds."""

    idle: Load
    flooded: Load
    log_ins: Load
    memory_mib: float


async def flood(url: str, *, rounds: int, seconds: float) -> list[Flood]:
    """Measure what log-ins at the full cost of a hash do to everybody else's requests."""
    seen = []
    async with serve(url, argon2_kib=47104) as server:
        pairs = await server.log_in(4)
        everybody = Traffic(path="/protected", tokens=[pair["access_token"] for pair in pairs])
        log_ins = Traffic(
            path="/auth/login",
            method="POST",
            body=f'{{"email": "reader0@example.com", "password": "{PASSWORD}"}}',
        )
        for _ in range(rounds):
            idle = await send(server.port, everybody, connections=1, seconds=seconds)
            flooding = asyncio.create_task(
                send(server.port, log_ins, connections=CONNECTIONS, seconds=seconds + 1)
            )
            await asyncio.sleep(0.5)
            flooded = await send(server.port, everybody, connections=1, seconds=seconds)
            memory = server.memory_mib()
            seen.append(
                Flood(idle=idle, flooded=flooded, log_ins=await flooding, memory_mib=memory)
            )
    return seen
