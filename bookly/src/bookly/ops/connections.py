"""Limits for connections: how long a request may take to arrive, and how many may be open.

Uvicorn limits neither the time for a request's head nor the number of pipelined requests. A proxy
in front of it does. Without one, a thousand half-sent requests would block all other clients.
"""

import asyncio
import sys
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if sys.platform != "win32":
    import resource

MAX_CONNECTIONS = 1000
"""Number of connections that a worker holds open at once."""

_OTHER_FILES = 200


class TooManyRequestsAtOnceError(Exception):
    """A client has sent more requests on one connection than may wait for a response."""


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, which closes a connection that sends too slowly or too much.

    When `limit_concurrency` connections are open, a new one replaces the one that has waited
    longest for a request to arrive. If none is waiting, Uvicorn answers the new one with 503.
    """

    HEAD_SECONDS: ClassVar[float] = 10
    """Time for the head of a request to arrive, in seconds."""
    BODY_SECONDS: ClassVar[float] = 30
    """Time for the body to arrive after the head, in seconds."""
    MAX_PIPELINED: ClassVar[int] = 16
    """Number of requests that may wait on a connection while another is answered."""

    _arriving: ClassVar[dict["BoundedProtocol", None]] = {}
    """Connections on which a request is expected or arriving, longest wait first."""
    _deadline: asyncio.TimerHandle | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._arriving = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As Uvicorn's.
        """Make room for the connection, and expect a request."""
        if (
            self.limit_concurrency is not None
            and len(self.connections) >= self.limit_concurrency - 1
        ):
            self._close_longest_waiting()
        super().connection_made(transport)
        self._expect(self.HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._expect_nothing()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Expect the body. Raises `TooManyRequestsAtOnceError`."""
        if len(self.pipeline) >= self.MAX_PIPELINED:
            raise TooManyRequestsAtOnceError
        super().on_headers_complete()
        self._expect(self.BODY_SECONDS)

    def on_message_complete(self) -> None:
        """Expect no request until this one is answered, which may already be the case."""
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._expect(self.HEAD_SECONDS)
        else:
            self._expect_nothing()

    def on_response_complete(self) -> None:
        """Expect the next request, unless it has already arrived."""
        super().on_response_complete()
        if self._deadline is None and not self.pipeline and not self.transport.is_closing():
            self._expect(self.HEAD_SECONDS)

    def handle_websocket_upgrade(self) -> None:
        """Set no deadline for a WebSocket."""
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request, or close if an earlier request waits for its response."""
        if self.cycle is None or self.cycle.response_complete:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _expect(self, seconds: float) -> None:
        self._expect_nothing()
        self._arriving[self] = None
        self._deadline = self.loop.call_later(seconds, self._close)

    def _expect_nothing(self) -> None:
        self._arriving.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_longest_waiting(self) -> None:
        for connection in self._arriving:
            connection._close()  # noqa: SLF001  Another of this class.
            return

    def _close(self) -> None:
        self._expect_nothing()
        self.connections.discard(
            self
        )  # At once: a new connection takes its place before it is closed.
        self.transport.close()


def allow_open_files() -> None:
    """Raise this process's limit on open files to what its connections and databases need.

    Linux starts a program with a limit of 1024. The hard limit is not exceeded.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
