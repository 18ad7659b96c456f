"""What is measured, on one server: each case beside the bare route, round after round."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.load import Load, Traffic, send
from bench.server import Server, account, serve

CONNECTIONS = 32
# More than any server gets through in a second, so that none is seen twice.
COLD_TOKENS_A_SECOND = 15_000


@dataclass(slots=True, kw_only=True)
class Case:
    """One thing that is measured, and what each round has seen.

    `traffic` is asked for anew in each round: a chain of renewals begins with new log-ins.
    """

    name: str
    traffic: Callable[[], Awaitable[Traffic]]
    loads: list[Load] = field(default_factory=list)
    early_errors: int = 0
    cpu: list[float] = field(default_factory=list)
    """Seconds of the server's CPU for one request, by round."""

    @property
    def errors(self) -> int:
        """How many requests were refused or lost, in all rounds."""
        return self.early_errors + sum(load.errors for load in self.loads)


def always(traffic: Traffic) -> Callable[[], Awaitable[Traffic]]:
    """Send the same in every round."""

    async def same() -> Traffic:
        return traffic

    return same


async def request_cases(server: Server, seconds: float) -> list[Case]:
    """What a request costs that shows an access token.

    The same request goes to every route, so that what differs is what the route does with it.
    """
    pairs = await server.log_in(CONNECTIONS)
    warm = [pair["access_token"] for pair in pairs]

    async def cold() -> Traffic:
        number = int(COLD_TOKENS_A_SECOND * (seconds + 1))
        return Traffic(path="/protected", tokens=server.fresh_access_tokens(pairs[0], number))

    paths = {
        "bare route": "/bare",
        "no-op dependency": "/no-op",
        "authenticated request": "/protected",
    }
    return [
        *(
            Case(name=name, traffic=always(Traffic(path=path, tokens=warm)))
            for name, path in paths.items()
        ),
        Case(name="authenticated request, token not seen before", traffic=cold),
    ]


async def renewal_cases(server: Server, _: float) -> list[Case]:
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


Make = Callable[[Server, float], Awaitable[list[Case]]]


async def compare(make: Make, url: str, *, rounds: int, seconds: float) -> list[Case]:
    """Measure all cases on one database: in each round every one of them, in random order.

    One round before the first warms up; only its errors are kept.
    """
    async with serve(url) as server:
        cases = await make(server, seconds)
        for number in range(rounds + 1):
            for case in random.sample(cases, len(cases)):
                await run_round(server, case, seconds)
                if not number:
                    case.early_errors = case.errors
                    case.loads, case.cpu = [], []
        return cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """One round of the flood: latencies of an authenticated request, in milliseconds."""

    idle: Load
    flooded: Load
    log_ins: Load
    memory_mib: float

    @property
    def errors(self) -> int:
        """How many requests were refused or lost, of any kind."""
        return self.idle.errors + self.flooded.errors + self.log_ins.errors


async def flood(url: str, *, rounds: int, seconds: float) -> list[Flood]:
    """Measure what log-ins at the full cost of a hash do to everybody else's requests.

    One round before the first warms up.
    """
    async with serve(url, argon2_kib=47104) as server:
        pairs = await server.log_in(4)
        await server.log_in(1, "flooder")
        everybody = Traffic(path="/protected", tokens=[pair["access_token"] for pair in pairs])
        log_ins = Traffic(path="/auth/login", method="POST", body=json.dumps(account("flooder", 0)))
        seen = [await _flood_round(server, everybody, log_ins, seconds) for _ in range(rounds + 1)]
        return seen[1:]


async def _flood_round(
    server: Server, everybody: Traffic, log_ins: Traffic, seconds: float
) -> Flood:
    idle = await send(server.port, everybody, connections=1, seconds=seconds)
    flooding = asyncio.create_task(
        send(server.port, log_ins, connections=CONNECTIONS, seconds=seconds + 1)
    )
    await asyncio.sleep(0.5)
    flooded = await send(server.port, everybody, connections=1, seconds=seconds)
    memory = server.memory_mib()
    return Flood(idle=idle, flooded=flooded, log_ins=await flooding, memory_mib=memory)
