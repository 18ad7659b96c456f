"""What is sent to a server, again and again, and what was seen of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

PLACEHOLDER = "TOKEN"


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
