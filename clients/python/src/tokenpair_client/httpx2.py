"""`PairAuth` for httpx2."""

from functools import cache
from ssl import SSLContext

import httpx2

from tokenpair_client.build import PairFlow
from tokenpair_client.transport import TIMEOUT


class PairAuth(PairFlow[httpx2.Request, httpx2.Response], httpx2.Auth):
    """The `auth` of a `Client` or `AsyncClient` of httpx2: it attaches tokens, and renews them.

    Threads, tasks and clients may share one object.
    """

    @staticmethod
    def _new_client() -> httpx2.Client:
        return httpx2.Client(timeout=TIMEOUT, verify=_context())

    @staticmethod
    def _new_async_client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(timeout=TIMEOUT, verify=_context())

    # The latter comes from the address of a redirect, which httpx2 reads but does not follow here.
    _failures = (httpx2.RequestError, ValueError)


@cache
def _context() -> SSLContext:
    """Return the certificates of all these clients; reading them takes 50 ms."""
    return httpx2.create_ssl_context()
