"""Servers that run `socket_app`, each in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.docs.reading import ROOT
from tests.http.conftest import bearer
from tests.ports import reserved_port
from tests.waiting import LIMIT_SECONDS
from tokenpair.testing import PASSWORD

ADA = {"email": "ada@example.com", "password": PASSWORD}
APP = "tests.http.socket_app:app"
UVICORN = ["uvicorn", APP, "--port", "{port}", "--ws"]
SERVERS = {
    "uvicorn, websockets": [*UVICORN, "websockets-sansio"],
    "uvicorn, legacy websockets": [*UVICORN, "websockets"],
    "uvicorn, wsproto": [*UVICORN, "wsproto"],
    "hypercorn": ["hypercorn", APP, "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", APP, "--interface", "asgi", "--port", "{port}"],
}


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server with the token pair and the id of a user who is logged in."""

    port: int
    access: str
    refresh: str
    ada: str

    def connect(self, path: str, **options: Any) -> Any:
        return connect(f"ws://127.0.0.1:{self.port}{path}", open_timeout=LIMIT_SECONDS, **options)

    def refusal(self, path: str, **options: Any) -> httpx2.Response:
        """Return the answer that a client gets in place of a WebSocket."""
        with pytest.raises(InvalidStatus) as refused, self.connect(path, **options):
            pass
        answer = refused.value.response
        return httpx2.Response(
            answer.status_code, headers=list(answer.headers.raw_items()), content=bytes(answer.body)
        )


@contextmanager
def running(command: list[str], log: Path) -> Iterator[Running]:
    """Run a server during the block; its log is complete afterwards."""
    with reserved_port() as port:
        name, *options = [each.format(port=port) for each in command]
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", name, *options], cwd=ROOT, stdout=file, stderr=file
            )
        try:
            yield _log_in(port, process, log)
        finally:
            process.terminate()
            process.wait(timeout=LIMIT_SECONDS)


def _log_in(port: int, process: "subprocess.Popen[bytes]", log: Path) -> Running:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        until = time.monotonic() + LIMIT_SECONDS
        while not _answers(client):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        client.post("/auth/signup", json=ADA)
        pair = client.post("/auth/login", json=ADA).json()
        ada = client.get("/auth/me", headers=bearer(pair["access_token"])).json()["id"]
    return Running(port=port, access=pair["access_token"], refresh=pair["refresh_token"], ada=ada)


def _answers(client: httpx2.Client) -> bool:
    with suppress(httpx2.TransportError):
        return client.get("/openapi.json").status_code == 200
    return False
