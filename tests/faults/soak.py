"""`./run soak`: renew, log out and revoke at full speed, and measure whether memory grows."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults.crowd import SHORT_WINDOWS, Crowd, Door
from tests.faults.serving import serving
from tests.faults.storm import told
from tests.processes import memory_kib
from tests.servers import postgres

POSTGRESQL = "postgresql"
DATABASES = ("sqlite", POSTGRESQL)
CLIENTS = 40
WORKERS = 2
# When memory is measured: when every cache is in use, half-way, and at the end.
PARTS = (0.1, 0.4, 0.5)
FLAT = 1.1
"""Greatest ratio of the memory at the end to the memory half-way."""

ROLE_CHANGES_A_SECOND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """The result. Memory in KiB of each worker: warm, half-way and at the end."""

    crowd: Crowd
    seconds: float
    memory: list[list[int]]

    def __str__(self) -> str:
        answers = sum(n for name, n in self.crowd.counts.items() if name not in {"lost", "dropped"})
        lines = [told(self.crowd), f"{answers / self.seconds:,.0f} answers a second"]
        lines += [
            f"worker {number}: {warm // 1024:,} MiB at first, {half // 1024:,} half-way, "
            f"{end // 1024:,} in the end"
            for number, (warm, half, end) in enumerate(self.memory, 1)
        ]
        lines += ["the memory grows"] * grows(self.memory)
        return "\n  ".join(lines)


def grows(memory: list[list[int]]) -> bool:
    """Does a worker's memory keep growing? Only a soak of minutes shows it."""
    return any(end > FLAT * half for _, half, end in memory)


async def soak(folder: Path, *, seconds: float, database_url: str | None = None) -> Soaked:
    """Run clients against a server that never pause and log in again after each log-out."""
    variables = {"TOKENPAIR_DATABASE_URL": database_url} if database_url else {}
    url = database_url or f"sqlite:///{folder}/tokenpair.db"
    with serving(folder, workers=WORKERS, **SHORT_WINDOWS, **variables) as bookly:
        async with Door.to(folder, url) as door:
            sessions = [await door.open_session() for _ in range(CLIENTS)]
            crowd = Crowd(bookly, pause=0, come_back=door.open_session)
            began = time.monotonic()
            workers = bookly.workers()
            memory: list[list[int]] = [[] for _ in workers]
            async with crowd.busy(sessions):
                for part in PARTS:
                    await _change_roles(door, seconds * part)
                    for pid, seen in zip(workers, memory, strict=True):
                        seen.append(memory_kib(pid))
                took = time.monotonic() - began
            await crowd.require_right_sessions(bookly)
    if not all(map(all, memory)):
        crowd.wrong.append("a worker has died")
    return Soaked(crowd=crowd, seconds=took, memory=memory)


async def _change_roles(door: Door, seconds: float) -> None:
    """Make the tokens of one user stale, repeatedly."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        roles = frozenset(random.choices(["admin", "editor", "reader"]))
        await door.auth.set_roles(random.choice(door.users[-5:]).id, roles)
        await asyncio.sleep(1 / ROLE_CHANGES_A_SECOND)


def main() -> int:
    """Run on SQLite and on PostgreSQL."""
    parser = argparse.ArgumentParser(
        prog="./run soak",
        description="Renew, log out and change roles on two workers, as fast as they answer.",
    )
    parser.add_argument("--minutes", type=float, default=10, help="minutes on each database (10)")
    parser.add_argument("--only", choices=DATABASES, help="the database (both, one after another)")
    options = parser.parse_args()
    seconds, wrong = 60 * options.minutes, 0
    for name in [options.only] if options.only else DATABASES:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bookly-soak-"))
            url = None
            if name == POSTGRESQL:
                url = stack.enter_context(postgres()).create_database()
            soaked = asyncio.run(soak(Path(folder), seconds=seconds, database_url=url))
        print(f"{name}: {soaked}", flush=True)
        wrong += len(soaked.crowd.wrong) + grows(soaked.memory)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
