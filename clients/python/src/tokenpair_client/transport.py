"""One request and its bounded answer, with httpx2 or httpx, sync and async."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from anyio import move_on_after

from tokenpair_client.deadline import Deadline
from tokenpair_client.pair import MAX_BYTES
from tokenpair_client.shapes import AsyncClient, Response, SyncClient
from tokenpair_client.steps import Answer, Ask, Lost, Outcome

TIMEOUT = 10.0
"""Longest wait for each part of an answer, in seconds."""

EXCHANGE_SECONDS = 20.0
"""Longest time from a request to the end of its answer, in seconds.

The server counts on less than 120. For this time, a program may keep others from the store.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Makes a client for each request, because a renewal is rare and event loops are not shared.

    `failures` are the errors of the HTTP library that mean: no valid answer. `seconds` limits one
    exchange.
    """

    url: str
    client: Callable[[], SyncClient]
    async_client: Callable[[], AsyncClient]
    failures: tuple[type[Exception], ...]
    seconds: float = EXCHANGE_SECONDS

    def ask(self, step: Ask) -> Outcome:
        """Send the request."""
        client = self.client()
        with Deadline(self.seconds) as deadline:
            try:
                answer = self._answer(client, step, deadline)
            except self.failures as exc:
                return self._late if deadline.is_over else Lost(type(exc).__name__)
            return self._late if deadline.is_over else answer

    async def ask_async(self, step: Ask) -> Outcome:
        """Send the request from async code."""
        client = self.async_client()
        with move_on_after(self.seconds):
            try:
                return await self._async_answer(client, step)
            except self.failures as exc:
                return Lost(type(exc).__name__)
        return self._late

    def _answer(self, client: SyncClient, step: Ask, deadline: Deadline) -> Answer:
        url, headers = self.url + step.path, _headers(step)
        with (
            client,
            client.stream(
                "POST",
                url,
                headers=headers,
                json=step.body,
                follow_redirects=False,
                extensions={"trace": deadline.trace},
            ) as response,
        ):
            if _is_coded(response):
                return _answer(response, None)
            body = b""
            for chunk in response.iter_bytes():
                if len(body := body + chunk) > MAX_BYTES or deadline.is_over:
                    return _answer(response, None)
            return _answer(response, body)

    async def _async_answer(self, client: AsyncClient, step: Ask) -> Answer:
        url, headers = self.url + step.path, _headers(step)
        async with (
            client,
            client.stream(
                "POST", url, headers=headers, json=step.body, follow_redirects=False
            ) as response,
        ):
            if _is_coded(response):
                return _answer(response, None)
            body = b""
            async for chunk in response.aiter_bytes():
                if len(body := body + chunk) > MAX_BYTES:
                    return _answer(response, None)
            return _answer(response, body)

    @property
    def _late(self) -> Lost:
        return Lost(f"not within {self.seconds:g} s")


def _headers(step: Ask) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": _user_agent(),
    }
    return headers if step.token is None else headers | {"Authorization": f"Bearer {step.token}"}


@cache
def _user_agent() -> str:
    return f"tokenpair-client/{metadata.version('tokenpair-client')}"


def _answer(response: Response, body: bytes | None) -> Answer:
    return Answer(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        retry_after=_seconds(response.headers.get("retry-after", "")),
        body=body,
    )


def _is_coded(response: Response) -> bool:
    """Tell whether a body is compressed: a short one may take all memory when it is unpacked."""
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def _seconds(text: str) -> float | None:
    """Read `Retry-After` in seconds; its other form, a date, needs clocks that agree."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    return float(text) if is_number else None
