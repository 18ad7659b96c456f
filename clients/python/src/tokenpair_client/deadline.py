"""A limit for one exchange with a server, from the connection to the last byte."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import Self


class Deadline:
    """Ends the connection of a blocking client when the time is over.

    An HTTP library limits each wait for a byte, so a server that sends one byte every few seconds
    would never be too late. A connection that is not yet made cannot be ended; the library limits
    it for each address of the server. `trace` is for the request's extension of that name.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        self._timer = Timer(seconds, self._disconnect)
        self._timer.daemon = True
        self._connection: socket.socket | None = None

    @property
    def is_over(self) -> bool:
        """Whether the answer is too late. Then a body may be incomplete, too."""
        return monotonic() >= self._ends_at

    def __enter__(self) -> Self:
        # At the end of a program, Python starts no thread. Then `is_over` is the only limit.
        with suppress(RuntimeError):
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._timer.ident is not None:
            self._timer.join()
        self._release()

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Remember the connection when the HTTP library has made it."""
        if event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete")):
            about = getattr(info.get("return_value"), "get_extra_info", None)
            found = about("socket") if about else None
            if isinstance(found, socket.socket):
                self._release()
                # A handle of its own: the library's may be closed, and its number used again.
                self._connection = socket.fromfd(found.fileno(), found.family, found.type)
                if self.is_over:
                    self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
