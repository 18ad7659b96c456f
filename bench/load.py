"""Load a server with the same requests, again and again, on connections that stay open.

wrk sends them if it is installed, and uses almost no CPU. Otherwise, this process sends them, and
uses more CPU than the fastest route. In both cases, rely on the server's own CPU time.
"""

import asyncio
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from math import inf

from bench import wrk
from bench.client import Connection
from bench.figures import percentile
from bench.traffic import Load, Traffic

GENERATOR = "wrk" if wrk.PATH else f"the bench itself (better: {wrk.HOW_TO_INSTALL})"


async def send(port: int, traffic: Traffic, *, connections: int, seconds: float) -> Load:
    """Send requests for `seconds`, one at a time on each connection."""
    if wrk.PATH and seconds >= 1:  # wrk counts in whole seconds.
        return Load(**await wrk.send(port, traffic, connections=connections, seconds=seconds))
    return await send_by_ourselves(port, traffic, connections=connections, seconds=seconds)


async def send_once(port: int, traffic: Traffic, *, connections: int) -> Load:
    """Send each token once."""
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
    """Send requests on one connection until a moment, or until no token is left.

    Send at least one: the moment may have passed before the connection is open.
    """
    async with Connection(port) as connection:
        while tokens:
            began = time.perf_counter()
            token = tokens.popleft()
            # Put it back at once, because there may be fewer tokens than connections.
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
            if time.perf_counter() >= until:
                break
