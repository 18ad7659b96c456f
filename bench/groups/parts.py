"""The parts of a renewal: CPU of this process, without HTTP; part of the group `codec`.

The group `renewals` measures the whole endpoint. The difference is HTTP.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from bench.cases import CONNECTIONS
from bench.figures import MICROSECONDS, Row, Table
from bench.run import Run
from tokenpair import Auth, Key, Keyring, Rules, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import CHEAP, a_user, login_as

TITLE = "a renewal without HTTP"
ISSUER = "http://bench"
ROTATING = Windows(repeat=timedelta(0), superseded=timedelta(0))
TIMES = 50
"""Number of renewals of each of the 32 sessions in a round."""

Step = Callable[[], Awaitable[object]]


async def measure(options: Run) -> Table:
    """Measure each storage and the steps around it, in random order in each round."""
    storages: dict[str, Storage] = {
        "memory": MemoryStorage(),
        "SQLite": SqlStorage.from_url(options.databases.sqlite()),
        "PostgreSQL": SqlStorage.from_url(options.databases.postgresql()),
    }
    steps: dict[str, list[Step]] = {}
    async with AsyncExitStack() as stack:
        for name, storage in storages.items():
            whole, statement = await steps_of(stack, storage)
            steps[f"the whole flow, {name}"] = whole
            steps[f"its statement alone, {name}"] = statement
        seen: dict[str, list[float]] = {name: [] for name in steps}
        # A first round is for warming up: statements are prepared.
        for number in range(options.rounds + 1):
            for name in random.sample(list(steps), len(steps)):
                used = await cpu_seconds(steps[name])
                if number:
                    seen[name].append(used * 1e6)
    return Table(
        title=TITLE,
        rows=[Row(name=name, figures={MICROSECONDS: values}) for name, values in seen.items()],
    )


async def steps_of(stack: AsyncExitStack, storage: Storage) -> tuple[list[Step], list[Step]]:
    """Return the whole renewal and its statement alone, for 32 sessions each."""
    keyring = Keyring([Key.generate()])
    auth = Auth(
        storage=storage,
        keyring=keyring,
        issuer=ISSUER,
        passwords=Argon2Passwords(CHEAP),
        rules=Rules(windows=ROTATING),
    )
    await stack.enter_async_context(auth)
    codec = Codec(keyring, issuer=ISSUER, audience=ISSUER)
    tokens = []
    for number in range(2 * CONNECTIONS):
        user = await a_user(auth, f"u{number}@example.com")
        tokens.append((await login_as(auth, user)).refresh_token)
    whole = [renewing(auth, token) for token in tokens[:CONNECTIONS]]
    claims = [codec.decode_refresh(token) for token in tokens[CONNECTIONS:]]
    return whole, [stating(storage, each) for each in claims]


def renewing(auth: Auth, token: str) -> Step:
    """Renew one session again and again."""

    async def step() -> None:
        nonlocal token
        token = (await auth.renew(token)).refresh_token

    return step


def stating(storage: Storage, claims: FullRefreshClaims) -> Step:
    """Make the row accept one token after another, with generations far apart."""
    generations = count(10, 10)

    async def step() -> None:
        number = next(generations)
        following = replace(claims, generation=number, token_id=f"{number:022d}")
        if await storage.renew(following, datetime.now(UTC), ROTATING) is None:
            raise RuntimeError("a row has refused its next token")

    return step


async def cpu_seconds(steps: list[Step]) -> float:
    """Return the CPU time of one step, with all threads, when 32 run at the same time."""

    async def repeat(step: Step) -> None:
        for _ in range(TIMES):
            await step()

    before = time.process_time()
    await asyncio.gather(*map(repeat, steps))
    return (time.process_time() - before) / (len(steps) * TIMES)
