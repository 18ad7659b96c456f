"""The server that is measured: one uvicorn with the bench's app, and what it has used."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from tokenpair import Key, Keyring
from tokenpair.core.codec import Codec
from tokenpair.key_file import change_keyring

TICKS = os.sysconf("SC_CLK_TCK")
ISSUER = "http://bench"
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    port: int
    pid: int
    codec: Codec
    client: httpx2.AsyncClient

    def cpu_seconds(self) -> float:
        """Give the CPU time, user and system, that it and its children have used."""
        return sum(_cpu_seconds(pid) for pid in [self.pid, *_descendants(self.pid)])

    def memory_mib(self) -> float:
        """Give the memory that it and its children hold."""
        return sum(_memory_kib(pid) for pid in [self.pid, *_descendants(self.pid)]) / 1024

    async def log_in(self, number: int, name: str = "reader") -> list[dict[str, Any]]:
        """Open so many sessions, each of an account of its own; give their pairs."""
        pairs = []
        for each in range(number):
            await self.client.post("/auth/signup", json=account(name, each))
            answer = await self.client.post("/auth/login", json=account(name, each))
            pairs.append(answer.json())
        return pairs

    def fresh_access_tokens(self, pair: dict[str, Any], number: int) -> list[str]:
        """Make access tokens of one session that the server has never seen."""
        claims = self.codec.decode_access(pair["access_token"])
        fresh = (replace(claims, token_id=secrets.token_urlsafe(16)) for _ in range(number))
        return [self.codec.encode(each) for each in fresh]


def account(name: str, number: int) -> dict[str, str]:
    """Give what an account logs in with."""
    return {"email": f"{name}{number}@example.com", "password": PASSWORD}


@asynccontextmanager
async def serve(database_url: str, *, argon2_kib: int = 64) -> AsyncIterator[Server]:
    """Start the app on a database, and stop it. Log-ins are cheap, if nothing else is said."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        keys = Path(folder, "keys.json")
        keyring = change_keyring(keys, lambda _: Keyring([Key.generate()]))
        options = "--factory bench.app:create_app --no-access-log --log-level warning"
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *options.split(), "--port", str(port)],
            env=os.environ
            | {
                "BENCH_DATABASE_URL": database_url.format(folder=folder),
                "BENCH_KEYS": str(keys),
                "BENCH_ARGON2_KIB": str(argon2_kib),
            },
        )
        url = f"http://127.0.0.1:{port}"
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
                await _until_it_answers(client, process)
                yield Server(
                    port=port,
                    pid=process.pid,
                    codec=Codec(keyring, issuer=ISSUER, audience=ISSUER),
                    client=client,
                )
        finally:
            process.terminate()
            process.wait()


async def _until_it_answers(client: httpx2.AsyncClient, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            await client.get("/bare")
        except httpx2.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise SystemExit("bench: the server did not start")


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in map(int, children) for each in [child, *_descendants(child)]]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
