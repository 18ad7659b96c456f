"""Load with wrk: a script for it, and its output."""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import BenchError
from bench.traffic import Traffic

PATH = shutil.which("wrk")
HOW_TO_INSTALL = "apt install wrk"

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
  token = token or "none-left"
  local head, body = table.concat(HEAD, token), table.concat(BODY, token)
  if HAS_LENGTH then head = head .. "Content-Length: " .. #body .. "\\r\\n" end
  return head .. "\\r\\n" .. body
end

if IS_CHAIN then
  function response(status, headers, body)
    last = last + 1
    tokens[last] = body:match('"ANSWER_KEY": ?"([^"]+)"') or "refused"
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


async def send(port: int, traffic: Traffic, *, connections: int, seconds: float) -> dict[str, Any]:
    """Send for some whole seconds, and return the fields of a `Load`. Raises `BenchError`."""
    with tempfile.TemporaryDirectory() as folder:
        tokens, script = Path(folder, "tokens"), Path(folder, "script.lua")
        tokens.write_text("\n".join([*(traffic.tokens or [""]), ""]))
        script.write_text(_script(traffic, tokens))
        command = [PATH or "", "-t1", f"-c{connections}", f"-d{round(seconds)}s"]
        command += ["--timeout", "60s", "-s", str(script), f"http://127.0.0.1:{port}"]
        wrk = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = (await wrk.communicate())[0].decode()
    _, found, result = said.partition("RESULT ")
    if not found:
        raise BenchError(f"wrk failed:\n{said}")
    content: dict[str, Any] = json.loads(result)
    return content


def _script(traffic: Traffic, tokens: Path) -> str:
    script = _SCRIPT.replace("TOKENS", str(tokens)).replace("ANSWER_KEY", traffic.answer_key)
    script = script.replace("IS_CHAIN", str(traffic.is_chain).lower())
    script = script.replace("HAS_LENGTH", str(traffic.method != "GET").lower())
    return f"HEAD, BODY = {_parts(traffic.head)}, {_parts(traffic.body)}\n{script}"


def _parts(text: str) -> str:
    """Return a text as a Lua table of the parts around the token."""
    return "{" + ", ".join(json.dumps(part) for part in text.split("TOKEN")) + "}"
