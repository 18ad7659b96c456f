"""Group `flood`: how log-ins at full cost affect other requests (target 6)."""

import asyncio
import json
import os
from dataclasses import dataclass

from bench.cases import CONNECTIONS
from bench.figures import MEMORY, MILLISECONDS, RATE, TIMES, Row, Table
from bench.load import send
from bench.run import Run
from bench.server import FULL_KIB, Server, account, serve
from bench.traffic import PLACEHOLDER, Load, Traffic

TITLE = "flood of 32 log-ins at once"
IDLE = "p99 of an authenticated request, idle"
FLOODED = "p99 of an authenticated request, flooded"
LOG_INS = "log-ins"
MEMORY_IDLE = "memory before"
MEMORY_FLOODED = "memory, at most"
MEMORY_BEYOND = "memory beyond a hash for each core"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """One round of the flood."""

    idle: Load
    flooded: Load
    log_ins: Load
    memory_mib: float

    @property
    def errors(self) -> int:
        """Number of refused or lost requests of all kinds."""
        return self.idle.errors + self.flooded.errors + self.log_ins.errors


async def run(options: Run) -> list[Table]:
    """Measure. A first round is for warming up."""
    async with serve(options.databases.sqlite(), argon2_kib=FULL_KIB) as server:
        pairs = await server.log_in(4)
        # Many accounts, because log-ins of one account wait for each other.
        await server.log_in(CONNECTIONS, "flooder")
        memory = server.memory_mib()
        everybody = Traffic(path="/protected", tokens=[pair["access_token"] for pair in pairs])
        log_ins = Traffic(
            path="/auth/login",
            method="POST",
            body=json.dumps(account("flooder", PLACEHOLDER)),
            tokens=[str(number) for number in range(CONNECTIONS)],
        )
        seen = [
            await flood_round(server, everybody, log_ins, options.seconds)
            for _ in range(options.rounds + 1)
        ]
    return [Table(title=TITLE, rows=rows(memory, seen[1:]))]


async def flood_round(
    server: Server, everybody: Traffic, log_ins: Traffic, seconds: float
) -> Flood:
    """Send the readers' requests, first alone, then during the log-ins."""
    idle = await send(server.port, everybody, connections=1, seconds=seconds)
    flooding = asyncio.create_task(
        send(server.port, log_ins, connections=CONNECTIONS, seconds=seconds + 1)
    )
    await asyncio.sleep(0.5)
    watching = asyncio.create_task(_most_memory(server))
    flooded = await send(server.port, everybody, connections=1, seconds=seconds)
    done = await flooding
    watching.cancel()
    memory = max((await asyncio.gather(watching))[0], server.memory_mib())
    return Flood(idle=idle, flooded=flooded, log_ins=done, memory_mib=memory)


async def _most_memory(server: Server) -> float:
    most = 0.0
    try:
        while True:
            most = max(most, server.memory_mib())
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        return most


def rows(memory_before: float, seen: list[Flood]) -> list[Row]:
    """Compare, round by round."""
    flooded = [each.flooded.p99 for each in seen]
    idle = [each.idle.p99 for each in seen]
    memory = max(each.memory_mib for each in seen)
    hashes = (os.cpu_count() or 1) * FULL_KIB / 1024
    return [
        Row(name=IDLE, figures={MILLISECONDS: idle}),
        Row(
            name=FLOODED,
            figures={
                MILLISECONDS: flooded,
                TIMES: [one / other for one, other in zip(flooded, idle, strict=True)],
            },
            errors=sum(each.errors for each in seen),
        ),
        Row(
            name=LOG_INS,
            figures={RATE: [each.log_ins.requests / each.log_ins.seconds for each in seen]},
        ),
        Row(name=MEMORY_IDLE, figures={MEMORY: [memory_before]}),
        Row(name=MEMORY_FLOODED, figures={MEMORY: [memory]}),
        Row(name=MEMORY_BEYOND, figures={MEMORY: [memory - memory_before - hashes]}),
    ]
