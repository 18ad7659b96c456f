"""`./run soak`: renew, log out and revoke, as fast as it goes, and see whether memory grows."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.crowd import SHORT_WINDOWS, Crowd, Door
from tests.faults.serving import serving
from tests.faults.storm import told
from tests.processes import memory_kib
from tests.servers import postgres

CLIENTS = 40
WORKERS = 2
# By then every cache is in use.
WARM_UP = 0.1
ROLE_CHANGES_A_SECOND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """How it went. Memory in KiB, of each worker, once warm and at the end."""

    crowd: Crowd
    seconds: float
    memory: dict[int, tuple[int, int]]

    def __str__(self) -> str:
        answers = sum(n for name, n in self.crowd.counts.items() if name not in {"lost", "dropped"})
        lines = [told(self.crowd), f"{answers / self.seconds:,.0f} answers a second"]
        lines += [
            f"worker {number}: {start // 1024:,} MiB at first, {end // 1024:,} MiB in the end"
            for number, (start, end) in enumerate(self.memory.values(), 1)
        ]
        return "\n  ".join(lines)


async def soak(folder: Path, *, seconds: float, database_url: str | None = None) -> Soaked:
    """Let a crowd that never rests, and comes back after each log-out, at a server."""
    variables = {"TOKENPAIR_DATABASE_URL": database_url} if database_url else {}
    url = database_url or f"sqlite:///{folder}/tokenpair.db"
    with serving(folder, workers=WORKERS, **SHORT_WINDOWS, **variables) as bookly:
        async with Door.to(folder, url) as door:
            sessions = [await door.open_session() for _ in range(CLIENTS)]
            crowd = Crowd(bookly, pause=0, come_back=door.open_session)
            began = time.monotonic()
            async with crowd.busy(sessions):
                await _change_roles(door, seconds * WARM_UP)
                workers = bookly.workers()
                warm = {pid: memory_kib(pid) for pid in workers}
                await _change_roles(door, seconds * (1 - WARM_UP))
                took = time.monotonic() - began
            await crowd.check_everybody(bookly)
            memory = {pid: (warm[pid], memory_kib(pid)) for pid in workers}
    if 0 in {end for _, end in memory.values()}:
        crowd.wrong.append("a worker has died")
    return Soaked(crowd=crowd, seconds=took, memory=memory)


async def _change_roles(door: Door, seconds: float) -> None:
    """Make the tokens of somebody stale, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        roles = frozenset(random.choices(["admin", "editor", "reader"]))
        await door.auth.set_roles(random.choice(door.users[-5:]).id, roles)
        await asyncio.sleep(1 / ROLE_CHANGES_A_SECOND)


def main() -> int:
    """Do it on SQLite and on PostgreSQL."""
    parser = argparse.ArgumentParser(
        prog="./run soak",
        description="Renew, log out and change roles on two workers, as fast as they answer; "
        "first on SQLite, then on PostgreSQL.",
    )
    parser.add_argument("--minutes", type=float, default=10, help="so long on each database (10)")
    seconds = 60 * parser.parse_args().minutes
    wrong = 0
    with postgres() as server:
        for name, url in {"SQLite": None, "PostgreSQL": server.create_database()}.items():
            with tempfile.TemporaryDirectory(prefix="bookly-soak-") as folder:
                soaked = asyncio.run(soak(Path(folder), seconds=seconds, database_url=url))
            print(f"{name}: {soaked}", flush=True)
            wrong += len(soaked.crowd.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
