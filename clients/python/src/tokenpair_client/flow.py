"""The auth class without an HTTP library: which requests get a token, and when a newer one."""

from collections.abc import AsyncGenerator, Generator
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from tokenpair_client.drive import Driver
from tokenpair_client.held import Held
from tokenpair_client.pair import MAX_BYTES
from tokenpair_client.session import Session
from tokenpair_client.shapes import Request, Response
from tokenpair_client.steps import Steps, is_problem, problem_code

ROUNDS: Final = 2
"""Number of newer pairs that one request tries: one from the store, one from the server."""

RENEW = frozenset({"token_expired", "token_stale"})
"""Codes of a 401 for an access token after which a newer one helps."""

Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Response)


class Flow(Generic[Req, Res]):
    """Attaches the access token to requests, and renews it.

    Threads and tasks may share one object.
    """

    def __init__(self, driver: Driver, session: Session, origins: frozenset[str]) -> None:
        self._driver = driver
        self._session = session
        self._origins = origins

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.server!r}, store={self._session.store!r})"

    @property
    def is_logged_in(self) -> bool:
        """Whether a pair is stored. Only the next request shows whether its session is live.

        Raises `StoreError`.
        """
        return self._session.store.read() is not None

    def log_in(self, email: str, password: str) -> None:
        """Start a session, in place of the stored one, which ends.

        Raises `LogInRefused`, `NoAnswer` or `StoreError`.
        """
        self._driver.run(self._session.log_in(email, password))

    async def async_log_in(self, email: str, password: str) -> None:
        """Do the same as `log_in`, for async code."""
        await self._driver.run_async(self._session.log_in(email, password))

    def log_out(self, *, everywhere: bool = False) -> None:
        """End the session and forget the pair; with `everywhere`, end all sessions of the user.

        Without a pair, it does nothing. Raises `NoAnswer`, and keeps the pair; or `StoreError`.
        """
        self._driver.run(self._session.log_out(everywhere=everywhere))

    async def async_log_out(self, *, everywhere: bool = False) -> None:
        """Do the same as `log_out`, for async code."""
        await self._driver.run_async(self._session.log_out(everywhere=everywhere))

    def sync_auth_flow(self, request: Req) -> Generator[Req, Res, None]:
        """Send the request with an access token. Called by `Client`.

        Raises `SessionOver`, `NoAnswer` or `StoreError`.
        """
        if not self._is_ours(request.url):
            yield request
            return
        first = self._first()
        held = first if isinstance(first, Held) else self._driver.run(first)
        for _ in range(ROUNDS):
            response = yield _signed(request, held)
            if not self._is_about_token(response):
                return
            newer = self._newer(held, response.read())
            if newer is None:
                return
            held = self._driver.run(newer)
            if not _can_repeat(request):
                return
        yield _signed(request, held)

    async def async_auth_flow(self, request: Req) -> AsyncGenerator[Req, Res]:
        """Do the same as `sync_auth_flow`. Called by `AsyncClient`."""
        if not self._is_ours(request.url):
            yield request
            return
        first = self._first()
        held = first if isinstance(first, Held) else await self._driver.run_async(first)
        for _ in range(ROUNDS):
            response = yield _signed(request, held)
            if not self._is_about_token(response):
                return
            newer = self._newer(held, await response.aread())
            if newer is None:
                return
            held = await self._driver.run_async(newer)
            if not _can_repeat(request):
                return
        yield _signed(request, held)

    def _is_ours(self, url: object) -> bool:
        try:
            return origin(str(url)) in self._origins
        except ValueError:  # The host is invalid; the HTTP library says so.
            return False

    def _is_about_token(self, response: Res) -> bool:
        """Tell whether to read the answer: a 401 of the server itself, after redirects, too."""
        return (
            response.status_code == 401
            and self._is_ours(response.url)
            and is_problem(response.headers.get("content-type", ""))
            and _length(response) <= MAX_BYTES
        )

    def _first(self) -> Held | Steps[Held]:
        """Return the pair to use now, or the steps to one."""
        session, held = self._session, self._session.held
        if held is None:
            return session.renew(None)
        # Requests need not wait for another's renewal while the old token is valid.
        may_pass = self._driver.is_busy and not session.is_expired(held)
        return session.refresh(held) if session.is_due(held) and not may_pass else held

    def _newer(self, held: Held, problem: bytes) -> Steps[Held] | None:
        """Return the steps to a newer token, or None if the answer is the caller's."""
        code = problem_code(problem)
        if code in RENEW:
            return self._session.renew(held.access_token)
        return self._session.forget(held.access_token) if code == "session_ended" else None


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, without a default port. Raises `ValueError`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _signed(request: Req, held: Held) -> Req:
    request.headers["Authorization"] = f"Bearer {held.access_token}"
    return request


def _length(response: Response) -> int:
    found = response.headers.get("content-length", "")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 20 else 0


def _can_repeat(request: Request) -> bool:
    """Tell whether the body can be sent again: a stream cannot."""
    try:
        _ = request.content
    except RuntimeError:  # RequestNotRead, of either library.
        return False
    return True
