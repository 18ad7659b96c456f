"""One request and its bounded answer, with httpx2 or httpx, sync and async."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from tokenpair_client.pair import MAX_BYTES
from tokenpair_client.shapes import AsyncClient, Response, SyncClient
from tokenpair_client.steps import Answer, Ask, Lost, Outcome

TIMEOUT = 10.0
"""Longest wait for each part of an answer, in seconds. The server counts on less than 120."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Makes a client for each request, because a renewal is rare and event loops are not shared.

    `failures` are the errors of the HTTP library that mean: no valid answer.
    """

    url: str
    client: Callable[[], SyncClient]
    async_client: Callable[[], AsyncClient]
    failures: tuple[type[Exception], ...]

    def ask(self, step: Ask) -> Outcome:
        """Send the request."""
        url, headers, client = self.url + step.path, _headers(step), self.client()
        try:
            with (
                client,
                client.stream(
                    "POST", url, headers=headers, json=step.body, follow_redirects=False
                ) as response,
            ):
                body = b""
                for chunk in response.iter_bytes():
                    if len(body := body + chunk) > MAX_BYTES:
                        return _answer(response, None)
                return _answer(response, body)
        except self.failures as exc:
            return Lost(type(exc).__name__)

    async def ask_async(self, step: Ask) -> Outcome:
        """Send the request from async code."""
        url, headers, client = self.url + step.path, _headers(step), self.async_client()
        try:
            async with (
                client,
                client.stream(
                    "POST", url, headers=headers, json=step.body, follow_redirects=False
                ) as response,
            ):
                body = b""
                async for chunk in response.aiter_bytes():
                    if len(body := body + chunk) > MAX_BYTES:
                        return _answer(response, None)
                return _answer(response, body)
        except self.failures as exc:
            return Lost(type(exc).__name__)


def _headers(step: Ask) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": _user_agent()}
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


def _seconds(text: str) -> float | None:
    """Read `Retry-After` in seconds; its other form, a date, needs clocks that agree."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    return float(text) if is_number else None
