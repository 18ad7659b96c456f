"""How tokens come in and pairs go out. The routes know no header and no cookie."""

from typing import Protocol

from fastapi import Request, Response

from tokenpair.core.sessions.mint import TokenPair


class Transport(Protocol):
    """How the clients of one `Auth` send the token of a renewal or a log-out, and get a pair.

    Access tokens always come in the Authorization header: see `transport.header`.
    """

    def older_tokens(self, request: Request) -> list[str]:
        """Return the tokens of sessions that a log-in with this request replaces, unverified."""

    def token(self, request: Request) -> str:
        """Return the token of a renewal or a log-out, unverified.

        Raises `NotAuthenticated`, and `InvalidRequest` for more than one token.
        """

    def pair(self, request: Request, pair: TokenPair) -> Response:
        """Return the answer that carries a pair."""

    def logged_out(self, request: Request) -> Response:
        """Return the answer to a log-out. The client must forget its tokens."""
