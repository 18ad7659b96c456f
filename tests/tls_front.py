"""TLS in front of a test server: the binaries that come as wheels are built without it."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

SOCKET = ".s.PGSQL.5432"
_SSL_REQUEST = struct.pack("!ll", 8, 80877103)


class TlsFront:
    """Listens on `port` of 127.0.0.1, forwards to a socket, and counts the connections."""

    def __init__(self, socket: Path, certificates: Path, *, asks_for_certificate: bool) -> None:
        self.port = 0
        self.encrypted = 0
        self.plain = 0
        self._socket = socket
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        if asks_for_certificate:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(certificates / "ca.pem")
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(
        cls, folder: Path, certificates: Path, *, asks_for_certificate: bool = False
    ) -> AsyncIterator[Self]:
        """Forward to the server with its socket in `folder`, during the block."""
        front = cls(folder / SOCKET, certificates, asks_for_certificate=asks_for_certificate)
        server = await asyncio.start_server(front._connect, "127.0.0.1", 0)
        front.port = server.sockets[0].getsockname()[1]
        try:
            yield front
        finally:
            server.close()
            for task in front._tasks:
                task.cancel()
            await asyncio.gather(*front._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        if first == _SSL_REQUEST:
            writer.write(b"S")
            await writer.start_tls(self._context)
            self.encrypted += 1
            first = b""
        else:
            self.plain += 1
        there, back = await asyncio.open_unix_connection(self._socket)
        back.write(first)
        try:
            ways = (_pass_on(reader, back), _pass_on(there, writer))
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            back.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
