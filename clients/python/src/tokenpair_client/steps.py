"""What the session's logic asks of its driver: requests and pauses. It does neither itself."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request to the server. `path` follows the URL that `PairAuth` was given."""

    path: str
    token: str | None = field(default=None, repr=False)
    body: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. `body` is None if it was too long or compressed; `retry_after` is in seconds."""

    status: int
    content_type: str = ""
    retry_after: float | None = None
    body: bytes | None = field(default=None, repr=False)

    @property
    def code(self) -> str | None:
        """The code of an error of tokenpair; None for all else, such as a proxy's page."""
        return problem_code(self.body or b"") if is_problem(self.content_type) else None


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came in time. `reason` is the name of the HTTP client's error, or the limit."""

    reason: str


Step: TypeAlias = Ask | Wait
Outcome: TypeAlias = Answer | Lost
Steps: TypeAlias = Generator[Step, Outcome | None, Result]


@dataclass(frozen=True, slots=True)
class Done:
    """The end of the steps, with their result."""

    result: object


def advance(steps: "Steps[Result]", outcome: Outcome | None) -> Step | Done:
    """Return the next step, or the result."""
    try:
        return steps.send(outcome)
    except StopIteration as done:
        return Done(done.value)


def is_problem(content_type: str) -> bool:
    """Tell whether a body is a problem+json document (RFC 9457)."""
    return content_type.partition(";")[0].strip().lower() == "application/problem+json"


def problem_code(body: bytes) -> str | None:
    """Return the `code` of a problem+json document, or None."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = problem.get("code") if isinstance(problem, dict) else None
    # A message repeats it.
    is_plain = isinstance(code, str) and code.isascii() and code.isidentifier() and len(code) <= 64
    return code if is_plain else None
