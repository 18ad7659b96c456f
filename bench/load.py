"""Load: the same requests again and again, on connections that stay open.

By wrk where it is installed, which costs next to nothing; else by this process, which costs more
than the fastest of the routes. Either way the figure to trust is the server's own CPU time.
"""

import asyncio
import json
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from bench import wrk
from bench.client import Connection
from bench.figures import percentile

PLACEHOLDER = "TOKEN"
GENERATOR = "wrk" if wrk.PATH else f"the bench itself (better: {wrk.HOW_TO_INSTALL})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is sent. Each request takes the next of `tokens`, round and round.

    The token goes where the body says TOKEN, else into the Authorization header. With `is_chain`
    each is used once: the next is what the answer has under `answer_key`.
    """

    path: str
    method: str = "GET"
    tokens: Sequence[str] = ()
    body: str = ""
    is_chain: bool = False
    answer_key: str = "refresh_token"

    @property
    def head(self) -> str:
        """The request's head, with TOKEN in it, but for the length of a body."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: bench"]
        if self.tokens and PLACEHOLDER not in self.body:
            lines += [f"Authorization: Bearer {PLACEHOLDER}"]
        if self.body:
            lines += ["Content-Type: application/json"]
        return "\r\n".join([*lines, ""])

    def request(self, token: str = "") -> bytes:
        """Write one request down."""
        head, body = (each.replace(PLACEHOLDER, token) for each in (self.head, self.body))
        length = "" if self.method == "GET" else f"Content-Length: {len(body)}\r\n"
        return f"{head}{length}\r\n{body}".encode()

    def next_token(self, body: bytes) -> str:
        """Find the next token of a chain in an answer."""
        return str(json.loads(body)[self.answer_key])


@dataclass(slots=True, kw_only=True)
class Load:
    """What was seen. An answer that is no success is an error. Latencies in milliseconds."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float


async def send(port: int, traffic: Traffic, *, connections: int, seconds: float) -> Load:
    """Send for some seconds, a request at a time on each connection."""
    if wrk.PATH and seconds >= 1:  # It counts in whole seconds.
        return Load(**await wrk.send(port, traffic, connections=connections, seconds=seconds))
    return await send_by_ourselves(port, traffic, connections=connections, seconds=seconds)


async def send_once(port: int, traffic: Traffic, *, connections: int) -> Load:
    """Send each token once, and no more."""
    return await send_by_ourselves(port, traffic, connections=connections, seconds=inf, once=True)


@dataclass(slots=True)
class _Seen:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0


async def send_by_ourselves(
    port: int, traffic: Traffic, *, connections: int, seconds: float, once: bool = False
) -> Load:
    seen, started = _Seen(), time.perf_counter()
    tokens = deque(traffic.tokens or [""])
    await asyncio.gather(
        *(
            _talk(port, traffic, tokens, started + seconds, seen, once=once)
            for _ in range(connections)
        )
    )
    latencies = seen.latencies or [0.0]
    return Load(
        requests=len(seen.latencies),
        errors=seen.errors,
        seconds=time.perf_counter() - started,
        p50=statistics.median(latencies) * 1e3,
        p99=percentile(latencies, 0.99) * 1e3,
    )


async def _talk(
    port: int, traffic: Traffic, tokens: deque[str], until: float, seen: _Seen, *, once: bool
) -> None:
    """Be one connection."""
    async with Connection(port) as connection:
        while (began := time.perf_counter()) < until and tokens:
            token = tokens.popleft()
            # Put back at once: there may be fewer tokens than connections.
            if not traffic.is_chain and not once:
                tokens.append(token)
            try:
                status, body = await connection.ask(traffic.request(token))
            except OSError:
                status, body = 0, b""
            seen.latencies.append(time.perf_counter() - began)
            is_success = 200 <= status < 300
            seen.errors += not is_success
            if traffic.is_chain and not once:
                tokens.append(traffic.next_token(body) if is_success else "refused")
