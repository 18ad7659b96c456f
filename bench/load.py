"""Load: the same requests again and again, on connections that stay open.

By wrk where it is installed, which costs next to nothing; else by this process, which costs more
than the fastest of the routes. Either way the figure to trust is the server's own CPU time.
"""

import asyncio
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

WRK = shutil.which("wrk")
GENERATOR = "wrk" if WRK else "this process (for a lighter one: apt install wrk)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is sent. Each request takes the next of `tokens`, round and round.

    With `is_chain` each token is used once: the next is the refresh token of an answer.
    """

    path: str
    method: str = "GET"
    tokens: Sequence[str] = ()
    body: str = ""
    is_chain: bool = False

    def request(self, token: str) -> bytes:
        """Write one request down."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: bench"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        if self.body:
            lines += ["Content-Type: application/json"]
        if self.method != "GET":
            lines += [f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", self.body]).encode()


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
    if WRK:
        return await _send_by_wrk(port, traffic, connections=connections, seconds=seconds)
    return await _send_by_ourselves(port, traffic, connections=connections, seconds=seconds)


_SCRIPT = """
local tokens, first, last = {}, 1, 0
for line in io.lines("TOKENS") do last = last + 1; tokens[last] = line end

function request()
  local token = tokens[first]
  if IS_CHAIN then
    -- Popped; the answer brings the next.
    tokens[first] = nil; first = first + 1
  else
    first = first % last + 1
  end
  return PREFIX .. (token or "none-left") .. SUFFIX
end

if IS_CHAIN then
  function response(status, headers, body)
    last = last + 1
    tokens[last] = body:match('"refresh_token":"([^"]+)"') or "refused"
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "errors": %d, "seconds": %f, ' ..
    '"p50": %f, "p99": %f}', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


async def _send_by_wrk(port: int, traffic: Traffic, *, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        tokens, script = Path(folder, "tokens"), Path(folder, "script.lua")
        prefix, _, suffix = traffic.request("TOKEN").decode().partition("TOKEN")
        if not traffic.tokens:
            prefix, suffix = traffic.request("").decode(), ""
        tokens.write_text("\n".join([*(traffic.tokens or [""]), ""]))
        script.write_text(
            f"PREFIX, SUFFIX = {json.dumps(prefix)}, {json.dumps(suffix)}\n"
            + _SCRIPT.replace("TOKENS", str(tokens)).replace(
                "IS_CHAIN", str(traffic.is_chain).lower()
            )
        )
        command = [WRK or "", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "60s", "-s", str(script), f"http://127.0.0.1:{port}"]
        wrk = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = (await wrk.communicate())[0].decode()
    _, found, result = said.partition("RESULT ")
    if not found:
        raise SystemExit(f"bench: wrk failed:\n{said}")
    return Load(**json.loads(result))


@dataclass(slots=True)
class _Seen:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0


async def _send_by_ourselves(
    port: int, traffic: Traffic, *, connections: int, seconds: float
) -> Load:
    seen, started = _Seen(), time.perf_counter()
    tokens: Iterator[str] = itertools.cycle(traffic.tokens or [""])
    await asyncio.gather(
        *(_talk(port, traffic, tokens, started + seconds, seen) for _ in range(connections))
    )
    took = time.perf_counter() - started
    latencies = sorted(seen.latencies) or [0.0]
    return Load(
        requests=len(seen.latencies),
        errors=seen.errors,
        seconds=took,
        p50=statistics.median(latencies) * 1e3,
        p99=latencies[int(len(latencies) * 0.99)] * 1e3,
    )


async def _talk(
    port: int, traffic: Traffic, tokens: Iterator[str], until: float, seen: _Seen
) -> None:
    """Be one connection. In a chain it goes on with what its own answers bring."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    token = next(tokens)
    while (began := time.perf_counter()) < until:
        writer.write(traffic.request(token))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or b"0"))
        except (asyncio.IncompleteReadError, OSError):  # The server has hung up.
            head, body = b"", b""
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        seen.latencies.append(time.perf_counter() - began)
        is_success = head[9:10] == b"2"
        seen.errors += not is_success
        if traffic.is_chain:
            token = json.loads(body)["refresh_token"] if is_success else "refused"
        else:
            token = next(tokens)
    writer.close()
