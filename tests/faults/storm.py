"""`./run storm`: workers are killed while many clients renew and lose answers.

Meanwhile some accounts are deleted, and the passwords of others are reset, at the moments of kills.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from tests.faults.crowd import SHORT_WINDOWS, Account, Crowd, Door
from tests.faults.serving import Bookly, serving
from tests.faults.talk import AUTH, Lost, ask
from tests.servers import postgres
from tests.waiting import eventually
from tokenpair.testing import PASSWORD

CLIENTS = 100
WORKERS = 3
REFUSALS = 50
"""Average number of times that a client tries its ended session before it opens a new one."""

SESSIONS_AT_RISK = 3
"""Number of sessions of each account that is deleted or has its password reset."""

ENDING_SECONDS = 600
"""Limit for one reset or deletion. A mail that a killed worker has claimed waits three minutes."""

NEW_PASSWORD = "eleven quiet lanterns"


async def storm(
    folder: Path, *, kills: int, database_url: str | None = None, lanes: int | None = None
) -> Crowd:
    """Kill workers, one after the other, under load; return the crowd with its counts."""
    variables = {"TOKENPAIR_DATABASE_URL": database_url} if database_url else {}
    if lanes is not None:
        variables["TOKENPAIR_DATABASE_RENEWAL_LANES"] = str(lanes)
    url = database_url or f"sqlite:///{folder}/tokenpair.db"
    with serving(folder, workers=WORKERS, **SHORT_WINDOWS, **variables) as bookly:
        async with Door.to(folder, url) as door:
            sessions = [await door.open_session() for _ in range(CLIENTS)]
            accounts = [await door.open_account(SESSIONS_AT_RISK) for _ in range(kills)]
            # Without clients that come back, a long storm would run out of sessions to renew.
            crowd = Crowd(bookly, come_back=door.open_session, refusals=REFUSALS)
            async with crowd.busy(sessions, accounts):
                for number, account in enumerate(accounts):
                    await crowd.until_counted(2 * CLIENTS, "renewed")
                    end = delete if number % 2 else reset
                    async with asyncio.timeout(ENDING_SECONDS), asyncio.TaskGroup() as tasks:
                        tasks.create_task(end(bookly, crowd, account))
                        tasks.create_task(_kill_one(bookly))
                # The clients of the last account may not have noticed its end.
                await crowd.until_seen(*{f"ended by a {each.ending}" for each in accounts})
                await crowd.until_seen("dropped", "lost", "refused")
            await crowd.require_right_sessions(bookly)
    if "Traceback" in (log := bookly.log.read_text()):
        crowd.wrong.append(log[log.index("Traceback") :])
    return crowd


async def reset(bookly: Bookly, crowd: Crowd, account: Account) -> None:
    """Reset a forgotten password over HTTP, by the link that the log prints."""
    account.ending = "reset"
    credentials = {"email": account.email, "password": NEW_PASSWORD}
    while not account.is_over:
        with suppress(Lost):
            await ask(crowd.port, "POST", f"{AUTH}/password/forgot", body={"email": account.email})
            if token := await _mailed_token(bookly, account):
                body = {"token": token, "new_password": NEW_PASSWORD}
                await ask(crowd.port, "POST", f"{AUTH}/password/reset", body=body)
            # Its answer may have been lost, but the new password tells.
            answer = await ask(crowd.port, "POST", f"{AUTH}/login", body=credentials)
            account.is_over = answer.status == 200


async def _mailed_token(bookly: Bookly, account: Account) -> str:
    """Return the newest token for a user; none after a while, as when its worker was killed."""
    start = urlsafe_b64encode(account.user_id.bytes).decode()[:21]
    for _ in range(50):
        if found := re.findall(rf"#token=({start}[\w-]+)", bookly.log.read_text()):
            return str(found[-1])
        await asyncio.sleep(0.1)
    return ""


async def delete(_: Bookly, crowd: Crowd, account: Account) -> None:
    """Delete an account over HTTP; repeat the request until it is answered."""
    account.ending = "deletion"
    while not account.is_over:
        with suppress(Lost):
            body = {"password": PASSWORD}
            answer = await ask(crowd.port, "DELETE", f"{AUTH}/me", account.access, body)
            # The account may be gone though the first answer was lost.
            account.is_over = answer.status == 204 or answer.code == "session_ended"
            if not account.is_over and answer.status != 503:
                crowd.wrong.append(f"{answer}")
                return


async def _kill_one(bookly: Bookly) -> None:
    """Kill a worker that is answering, and wait for its replacement."""
    killed = random.choice(bookly.workers())
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: len(bookly.workers()) == WORKERS and killed not in bookly.workers())


def main() -> int:
    """Run on SQLite and on PostgreSQL, and print what was wrong."""
    parser = argparse.ArgumentParser(
        prog="./run storm",
        description="Kill workers of Bookly, on SQLite and on PostgreSQL, while 100 clients renew "
        "and some accounts are deleted or have their passwords reset. No other client may be "
        "logged out, and no ended session may live.",
    )
    parser.add_argument(
        "--kills", type=int, default=20, help="number of kills on each database (20)"
    )
    kills = parser.parse_args().kills
    wrong = 0
    with postgres() as server:
        for name, url in {"SQLite": None, "PostgreSQL": server.create_database()}.items():
            with tempfile.TemporaryDirectory(prefix="bookly-storm-") as folder:
                crowd = asyncio.run(storm(Path(folder), kills=kills, database_url=url))
            print(f"{name}: {kills} kills; {told(crowd)}", flush=True)
            wrong += len(crowd.wrong)
    return 1 if wrong else 0


def told(crowd: Crowd) -> str:
    """Print the counts on one line, and each wrong answer on another."""
    counts = ", ".join(f"{number:,} {name}" for name, number in sorted(crowd.counts.items()))
    return "\n  ".join([f"{counts}, {len(crowd.wrong)} wrong", *crowd.wrong[:20]])


if __name__ == "__main__":
    sys.exit(main())
