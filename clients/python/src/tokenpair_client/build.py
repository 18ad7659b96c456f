"""The parts of a `PairAuth`, from its arguments."""

from collections.abc import Callable, Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from tokenpair_client.clock import Clock
from tokenpair_client.drive import Driver
from tokenpair_client.flow import Flow, Req, Res, origin
from tokenpair_client.session import Session
from tokenpair_client.shapes import AsyncClient, SyncClient
from tokenpair_client.store import MemoryStore, Store
from tokenpair_client.transport import Transport


class PairFlow(Flow[Req, Res]):
    """What both `PairAuth` are: `Flow`, with the arguments that users give."""

    _failures: ClassVar[tuple[type[Exception], ...]]

    def __init__(
        self,
        url: str,
        *,
        store: Store | None = None,
        origins: Iterable[str] = (),
        client: Callable[[], SyncClient] | None = None,
        async_client: Callable[[], AsyncClient] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the URL that log-in and renewal are below, such as https://example.com/auth.

        `store` keeps the pair; by default this object does. Tokens are sent to the origin of
        `url`, and to `origins`, such as https://api.example.com; requests to other places pass
        without a token. `client` and `async_client` make the client for one log-in or renewal,
        with your proxy, certificates or timeouts. Raises `ValueError` for an unusable URL.
        """
        server = _checked(url)
        transport = Transport(
            url=server,
            client=client or self._new_client,
            async_client=async_client or self._new_async_client,
            failures=self._failures,
        )
        session = Session(
            server=server,
            store=MemoryStore() if store is None else store,
            clock=clock or Clock(),
        )
        may_block = not isinstance(session.store, MemoryStore)
        super().__init__(
            Driver(transport, session.clock, may_block=may_block),
            session,
            frozenset(origin(each) for each in (server, *map(_checked, origins))),
        )

    @staticmethod
    def _new_client() -> SyncClient:
        raise NotImplementedError

    @staticmethod
    def _new_async_client() -> AsyncClient:
        raise NotImplementedError


def _checked(url: str) -> str:
    """Return the URL without a trailing slash. Errors do not repeat it: it may have a password."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(origin(url).partition("//")[2])
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("the URL is invalid: write one such as https://example.com/auth")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("the URL has a user, a query or a fragment: leave that out")
    return url.rstrip("/")
