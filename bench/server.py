"""tokenpair's server: uvicorn with the bench's app, and accounts and tokens for it."""

import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from bench.figures import BenchError
from bench.processes import Process, running
from tests.ports import reserved_port
from tokenpair import Key, Keyring
from tokenpair.core.tokens.codec import Codec
from tokenpair.key_file import change_keyring, read_keyring

ISSUER = "http://bench"
PASSWORD = "correct horse battery staple"
# Memory of argon2, in KiB: for cheap log-ins, and as in production.
CHEAP_KIB, FULL_KIB = 64, 47104
GUARDED = "create_guarded_app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Process):
    """A running server."""

    keys: Path
    codec: Codec
    client: httpx2.AsyncClient

    async def log_in(self, number: int, name: str = "reader") -> list[dict[str, Any]]:
        """Open `number` sessions, each of a new account, and return their pairs."""
        pairs = []
        for each in range(number):
            await self.client.post("/auth/signup", json=account(name, each))
            answer = await self.client.post("/auth/login", json=account(name, each))
            if answer.is_error:
                raise BenchError(f"a log-in was answered with {answer.status_code}: {answer.text}")
            pairs.append(answer.json())
        return pairs

    def fresh_access_tokens(self, pair: dict[str, Any], number: int) -> list[str]:
        """Return new access tokens of a pair's session; the server has cached none of them."""
        claims = self.codec.decode_access(pair["access_token"])
        fresh = (replace(claims, token_id=secrets.token_urlsafe(16)) for _ in range(number))
        return [self.codec.encode(each) for each in fresh]


def account(name: str, number: int | str) -> dict[str, str]:
    """Return the body of an account's sign-up and log-in."""
    return {"email": f"{name}{number}@example.com", "password": PASSWORD}


@asynccontextmanager
async def serve(
    database_url: str,
    *,
    argon2_kib: int = CHEAP_KIB,
    factory: str = "create_app",
    keys: Path | None = None,
    wake_up: str = "own",
    options: Sequence[str] = (),
) -> AsyncIterator[Server]:
    """Run the app on a database during the block. By default, log-ins are cheap.

    `keys` is the key file of another server; `options` are for uvicorn.
    """
    with tempfile.TemporaryDirectory() as folder, reserved_port() as port:
        keys = keys or make_keys(folder)
        command = [sys.executable, "-m", "uvicorn", "--factory", f"bench.app:{factory}"]
        command += ["--no-access-log", "--log-level", "warning", "--port", str(port), *options]
        env = {
            "BENCH_DATABASE_URL": database_url,
            "BENCH_KEYS": str(keys),
            "BENCH_ARGON2_KIB": str(argon2_kib),
            "BENCH_WAKE_UP": wake_up,
        }
        url = f"http://127.0.0.1:{port}"
        async with (
            running(command, port=port, asked="/bare", env=env) as process,
            httpx2.AsyncClient(base_url=url, timeout=60) as client,
        ):
            codec = Codec(read_keyring(keys), issuer=ISSUER, audience=ISSUER)
            yield Server(pid=process.pid, port=port, keys=keys, codec=codec, client=client)


def make_keys(folder: str | Path) -> Path:
    """Create a key file."""
    keys = Path(folder, "keys.json")
    change_keyring(keys, lambda _: Keyring([Key.generate()]))
    return keys
