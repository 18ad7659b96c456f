"""A proxy in front of PostgreSQL that counts bytes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.databases import socket_folder

_SOCKET = ".s.PGSQL.5432"


@dataclass(slots=True, kw_only=True)
class Proxy:
    """`url` reaches the database through the proxy; `passed` counts bytes in both directions."""

    url: str
    passed: int = 0

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on all data, and count it."""
        try:
            while data := await reader.read(65536):
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # Either side may close its connection at any time.
        finally:
            writer.close()


@asynccontextmanager
async def counted(url: str) -> AsyncIterator[Proxy]:
    """Run a proxy in front of the server in a URL during the block."""
    theirs = socket_folder(url)
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as ours:
        proxy = Proxy(url=url.replace(str(theirs), ours))

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server = await asyncio.open_unix_connection(theirs / _SOCKET)
            await asyncio.gather(proxy.pump(reader, server[1]), proxy.pump(server[0], writer))

        listener = await asyncio.start_unix_server(connect, f"{ours}/{_SOCKET}")
        try:
            yield proxy
        finally:
            listener.close()
