"""A proxy between a worker and PostgreSQL: the network that these tests interrupt."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

from tests.waiting import limit

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Forwards between its own socket and the server's, until a test interrupts it."""

    def __init__(self, url: str) -> None:
        """Take the URL of a database on a server of `tests.servers`."""
        before, _, self._server = url.partition("?host=")
        # The path of a socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="tokenpair-proxy-", dir="/tmp"))
        self.url = f"{before}?host={self._folder}"
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self._may_return = asyncio.Event()
        self._may_return.set()
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._ways: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """Forward to a database during the block."""
        proxy = cls(url)
        server = await asyncio.start_unix_server(proxy._connect, proxy._folder / SOCKET)
        try:
            yield proxy
        finally:
            server.close()
            proxy.cut()
            async with limit():
                while proxy._writers:
                    await asyncio.sleep(0)
            shutil.rmtree(proxy._folder)

    def cut(self) -> None:
        """Close all connections, and accept no others."""
        self._refuses = True
        for way in self._ways:
            way.cancel()

    def hang(self) -> None:
        """Forward nothing; new connections are accepted, and wait."""
        self._may_pass.clear()

    def lose_answers(self) -> None:
        """Forward what the client sends, and not what the server answers."""
        self._may_return.clear()

    def mend(self) -> None:
        """Forward everything, also what was held back."""
        self._refuses = False
        self._may_return.set()
        self._may_pass.set()

    def mend_for_others(self) -> None:
        """Forward new connections; the old ones stay open without an answer."""
        self._may_pass = asyncio.Event()
        self.mend()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            if not self._refuses:
                await self._hand_on(reader, writer, self._may_pass)
        writer.transport.abort()
        self._writers.discard(writer)

    async def _hand_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        may_pass: asyncio.Event,
    ) -> None:
        there, back = await asyncio.open_unix_connection(f"{self._server}/{SOCKET}")
        ways = {
            asyncio.create_task(_pump(reader, back, [may_pass])),
            asyncio.create_task(_pump(there, writer, [may_pass, self._may_return])),
        }
        self._ways |= ways
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._ways -= ways
        back.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Sequence[asyncio.Event]
) -> None:
    while data := await reader.read(65536):
        for each in may_pass:
            await each.wait()
        writer.write(data)
        await writer.drain()
