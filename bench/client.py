"""An HTTP client with one connection that stays open."""

import asyncio
from types import TracebackType
from typing import Self


class Connection:
    """One connection to a server on this machine.

    If the server has closed it, `ask` raises an error, and the next `ask` opens a new connection.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.received = 0
        """Total size of all answers, in bytes."""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, and return the answer's status and body.

        An answer without Content-Length has no body. Raises `OSError`.
        """
        reader, writer = self._streams or await self._open()
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or b"0"))
        except (asyncio.IncompleteReadError, OSError) as exc:
            self.close()
            raise ConnectionError("the server closed the connection") from exc
        self.received += len(head) + len(body)
        if b"\r\nconnection: close\r\n" in head.lower():
            self.close()
        return int(head[9:12]), body

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    def close(self) -> None:
        """Close the connection."""
        if self._streams:
            self._streams[1].close()
        self._streams = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
