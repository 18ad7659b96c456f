"""What is used of httpx2 and httpx, which have the same names for it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol


class Headers(Protocol):
    """The headers of a request."""

    def __setitem__(self, key: str, value: str) -> None: ...


class Request(Protocol):
    """A request that passes through an auth class. `content` raises if the body is a stream."""

    @property
    def url(self) -> object: ...

    @property
    def headers(self) -> Headers: ...

    @property
    def content(self) -> bytes: ...


class Response(Protocol):
    """A response to such a request, which may be unread."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def url(self) -> object: ...

    def read(self) -> bytes: ...

    async def aread(self) -> bytes: ...

    def iter_bytes(self) -> Iterator[bytes]: ...

    def aiter_bytes(self) -> AsyncIterator[bytes]: ...


class SyncClient(AbstractContextManager[object], Protocol):
    """A client that sends a log-in or renewal."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: object,
        follow_redirects: bool,
        extensions: dict[str, object],
    ) -> AbstractContextManager[Response]: ...


class AsyncClient(AbstractAsyncContextManager[object], Protocol):
    """A client that sends a log-in or renewal from async code."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: object,
        follow_redirects: bool,
    ) -> AbstractAsyncContextManager[Response]: ...
