"""What can go wrong.

    ClientError
    ├── SessionOver     log in again
    ├── LogInRefused    the server refused to log in
    ├── NoAnswer        the server gave no valid answer; the session goes on
    └── StoreError      the stored pair cannot be read or written

No message contains a token, a password or anything else that was sent.
"""


class ClientError(Exception):
    """Any error of this client."""


class SessionOver(ClientError):
    """There is no session, or it has ended: log in again. The pair has been forgotten.

    `code` is the server's, such as `session_ended` or `token_expired`, or `not_logged_in` where
    nothing is stored.
    """

    def __init__(self, code: str) -> None:
        self.code: str = code
        said = "not logged in" if code == "not_logged_in" else f"the session is over ({code})"
        super().__init__(f"{said}; log in again")


class NoAnswer(ClientError):
    """The server gave no valid answer. Nothing is forgotten: the next request tries again.

    `status` and `code` are those of the last answer, None without one. `retry_after` is the pause
    that the server asked for, in seconds.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status: int | None = status
        self.code: str | None = code
        self.retry_after: float | None = retry_after
        super().__init__(reason)


class LogInRefused(ClientError):
    """The server refused to log in.

    `code` is the server's: `invalid_credentials`, `invalid_input`, or `too_many_requests` with
    `retry_after` in seconds.
    """

    def __init__(self, code: str, *, status: int, retry_after: float | None = None) -> None:
        self.code: str = code
        self.status: int = status
        self.retry_after: float | None = retry_after
        wait = "" if retry_after is None else f"; try again in {retry_after:.0f} s"
        super().__init__(f"the server refused to log in ({code}){wait}")


class StoreError(ClientError):
    """The store cannot be read, written or locked; the message says why, and what to do."""
