"""`PairAuth` for httpx."""

from functools import cache
from ssl import SSLContext

import httpx

from tokenpair_client.build import PairFlow
from tokenpair_client.transport import TIMEOUT


class PairAuth(PairFlow[httpx.Request, httpx.Response], httpx.Auth):
    """The `auth` of a `Client` or `AsyncClient` of httpx: it attaches tokens, and renews them.

    Threads, tasks and clients may share one object.
    """

    @staticmethod
    def _new_client() -> httpx.Client:
        return httpx.Client(timeout=TIMEOUT, verify=_context())

    @staticmethod
    def _new_async_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=TIMEOUT, verify=_context())

    # The last two come from the address of a redirect, which httpx reads but does not follow here.
    _failures = (httpx.RequestError, httpx.InvalidURL, ValueError)


@cache
def _context() -> SSLContext:
    """Return the certificates of all these clients; reading them takes 50 ms."""
    return httpx.create_ssl_context()
