"""Requests that are sent to a server repeatedly, and their results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

PLACEHOLDER = "TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A kind of request. Each request uses the next of `tokens`, in a circle.

    The token replaces TOKEN in the body, or else goes into the Authorization header. With
    `is_chain`, each token is used once, and the next one is the answer's `answer_key`.
    """

    path: str
    method: str = "GET"
    tokens: Sequence[str] = ()
    body: str = ""
    is_chain: bool = False
    answer_key: str = "refresh_token"

    @property
    def head(self) -> str:
        """The request's head with TOKEN in it, without the length of a body."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: bench"]
        if self.tokens and PLACEHOLDER not in self.body:
            lines += [f"Authorization: Bearer {PLACEHOLDER}"]
        if self.body:
            lines += ["Content-Type: application/json"]
        return "\r\n".join([*lines, ""])

    def request(self, token: str = "") -> bytes:
        """Return one request as bytes."""
        head, body = (each.replace(PLACEHOLDER, token) for each in (self.head, self.body))
        length = "" if self.method == "GET" else f"Content-Length: {len(body)}\r\n"
        return f"{head}{length}\r\n{body}".encode()

    def next_token(self, body: bytes) -> str:
        """Return the next token of a chain from an answer."""
        return str(json.loads(body)[self.answer_key])


@dataclass(slots=True, kw_only=True)
class Load:
    """Results. An answer that is not a success is an error. Latencies are in milliseconds."""

    requests: int
    errors: int
    seconds: float
    p50: float
    p99: float
