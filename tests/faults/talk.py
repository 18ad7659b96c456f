"""HTTP on one connection, so that a test sees which worker answers and which answer is lost."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

AUTH = "/api/v1/auth"
IDLE_SECONDS = 3
"""Time after which a connection may be closed while a request is on its way, in seconds."""


class Lost(Exception):
    """The connection broke before the answer was whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; empty for any other answer."""
        is_problem = self.headers.get("content-type") == "application/problem+json"
        return str(self.json()["code"]) if is_problem else ""


class Line:
    """A connection that stays open, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._used_at = time.monotonic()
        self.redial: Callable[[], Awaitable[Line]] | None = None
        """Reconnects when the server has closed an idle connection, as it does after 5 s."""

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect. Raises `Lost`."""
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as exc:
            raise Lost from exc

    @property
    def local_port(self) -> int:
        """The client's port."""
        port: int = self._writer.get_extra_info("sockname")[1]
        return port

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it."""
        return self._reader.at_eof()

    async def ask(
        self, method: str, path: str, token: str = "", body: dict[str, Any] | None = None
    ) -> Answer:
        """Send a request and wait for its answer. Raises `Lost`."""
        is_idle = time.monotonic() - self._used_at > IDLE_SECONDS
        if self.redial and (is_idle or self.is_closed):
            self.hang_up()
            again = await self.redial()
            self._reader, self._writer = again._reader, again._writer
        self.send(method, path, token, body)
        try:
            answer = await self._read()
        except (asyncio.IncompleteReadError, OSError) as exc:
            self.hang_up()
            raise Lost from exc
        self._used_at = time.monotonic()
        return answer

    def send(
        self, method: str, path: str, token: str = "", body: dict[str, Any] | None = None
    ) -> None:
        """Send a request, and ignore whether it arrives."""
        content = json.dumps(body) if body else ""
        lines = [f"{method} {path} HTTP/1.1", "Host: bookly.test"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += ["Content-Type: application/json"] if body else []
        lines += [f"Content-Length: {len(content)}"]
        self._writer.write("\r\n".join([*lines, "", content]).encode())

    def knock(self) -> None:
        """Send a blank line: the server then waits 10 s for a request, and not 5 s."""
        self._writer.write(b"\r\n")

    def hang_up(self) -> None:
        """Close the connection, also before an answer has arrived."""
        self._writer.close()

    async def _read(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status=int(first.split()[1]), headers=headers, body=body)


async def ask(
    port: int, method: str, path: str, token: str = "", body: dict[str, Any] | None = None
) -> Answer:
    """Send a request on a new connection. Raises `Lost`."""
    line = await Line.open(port)
    try:
        return await line.ask(method, path, token, body)
    finally:
        line.hang_up()
