"""A small HTTP client that costs less than the server it measures."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Load:
    """What a run has seen."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to the loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request as it is; give the answer's status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        start = head.lower().find(b"content-length:")
        length = int(head[start + 15 : head.index(b"\r\n", start)]) if start >= 0 else 0
        return status, await self._reader.readexactly(length)

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()


def request(method: str, path: str, *, token: str = "", body: object = None) -> bytes:
    """Write a request down."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(content)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json"] if content else []
    return "\r\n".join([*lines, "", ""]).encode() + content


Next = Callable[[int, bytes], bytes]
"""From the connection's number and the last answer's body to the next request."""


async def load(
    connections: Sequence[Connection], first: Sequence[bytes], following: Next, seconds: float
) -> Load:
    """Send one request after the other on every connection, for some seconds."""
    seen = Load()
    started = time.perf_counter()

    async def run(number: int) -> None:
        message = first[number]
        while time.perf_counter() - started < seconds:
            status, body = await connections[number].send(message)
            seen.requests += 1
            seen.errors += status != 200
            message = following(number, body)

    await asyncio.gather(*(run(number) for number in range(len(connections))))
    seen.seconds = time.perf_counter() - started
    return seen
