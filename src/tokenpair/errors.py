"""Everything that can go wrong, as one tree. Nothing here knows HTTP.

::

    TokenPairError
    ├── ConfigurationError            a setting, file or database that stops the start
    └── AuthError                     a request that is turned down; has a stable `code`
        ├── InvalidRequest            it cannot be read: two Authorization headers, say
        ├── InvalidInput              a field's value will not do
        ├── PayloadTooLarge           the body is over the limit
        ├── NotAuthenticated          no token was sent
        ├── InvalidCredentials        the e-mail address and the password do not open an account
        ├── TokenError                a token was sent, and will not do
        │   ├── InvalidToken          it is not one of ours
        │   ├── ExpiredToken          it was one of ours; its time has passed
        │   ├── StaleToken            the user's roles have changed since it was issued
        │   ├── AccessTokenRequired   a refresh token where an access token belongs
        │   ├── RefreshTokenRequired  an access token where a refresh token belongs
        │   └── SessionEnded          its session has ended, whatever ended it
        ├── TokenSuperseded           a newer token of this session exists
        ├── InsufficientRole          the user may not do this
        ├── NotFound                  there is no such thing, or it is somebody else's
        ├── EmailTaken                another account has this e-mail address
        └── Unavailable               we cannot answer safely just now
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class TokenPairError(Exception):
    """The root of the tree."""


class ConfigurationError(TokenPairError):
    """A setting, a file or a database is not fit to start with.

    The message is one line for the person who starts the program. It names the setting
    and never holds a secret.
    """


class AuthError(TokenPairError):
    """A request is turned down.

    `code` is stable and meant for programs; `detail` is a sentence for people. Both may be
    shown to anyone. `reason` is for the log alone: it says what really happened.

    An app may derive errors of its own, from here or from the class that is nearest.
    """

    code: ClassVar[str]
    detail: ClassVar[str]
    retry_after: ClassVar[int | None] = None  # Seconds.

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or self.detail)
        self.reason = reason

    @property
    def members(self) -> Mapping[str, Any]:
        """Give what a program may want to know besides: in JSON, and fit for anyone to see."""
        return {}


class InvalidRequest(AuthError):
    """The request cannot be read in one way only."""

    code = "invalid_request"
    detail = "The request is malformed."


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name and a reason, never its value."""

    field: str
    reason: str


class InvalidInput(AuthError):
    """One or more fields will not do; `errors` says which and why."""

    code = "invalid_input"
    detail = "Some of the input is not valid."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = errors

    @property
    def members(self) -> Mapping[str, Any]:
        """Give the errors."""
        return {"errors": [{"field": each.field, "reason": each.reason} for each in self.errors]}


class PayloadTooLarge(AuthError):
    """The body is over the limit."""

    code = "payload_too_large"
    detail = "The request body is too large."


class NotAuthenticated(AuthError):
    """No token was sent: no header, an empty one, or another scheme."""

    code = "not_authenticated"
    detail = "Not authenticated"


class InvalidCredentials(AuthError):
    """Unknown address, wrong password or disabled account: the caller is not told which."""

    code = "invalid_credentials"
    detail = "The e-mail address or the password is wrong."


class TokenError(AuthError):
    """A token was sent, and will not do."""


class InvalidToken(TokenError):
    """It is not one of ours: malformed, forged, or made for somebody else."""

    code = "token_invalid"
    detail = "The token is not valid."


class ExpiredToken(TokenError):
    """It was one of ours; its time has passed."""

    code = "token_expired"
    detail = "The token has expired."


class StaleToken(TokenError):
    """The user's roles have changed since it was issued: renew, and go on."""

    code = "token_stale"
    detail = "The token is out of date. Please renew it."


class AccessTokenRequired(TokenError):
    """A refresh token was sent where an access token belongs."""

    code = "access_token_required"
    detail = "Please provide a valid access token"


class RefreshTokenRequired(TokenError):
    """An access token was sent where a refresh token belongs."""

    code = "refresh_token_required"
    detail = "Please provide a valid refresh token"


class SessionEnded(TokenError):
    """The session has ended: by log-out, age, replay, or with its user."""

    code = "session_ended"
    detail = "The session has ended. Please log in again."


class TokenSuperseded(AuthError):
    """A newer token of this session exists. Nothing has ended: use the newer one."""

    code = "token_superseded"
    detail = "A newer token of this session exists."
    retry_after: ClassVar[int | None] = 1


class InsufficientRole(AuthError):
    """The user is known, and may not do this."""

    code = "insufficient_role"
    detail = "You are not allowed to do this."


class NotFound(AuthError):
    """There is no such thing, or it is somebody else's: the caller is not told which."""

    code = "not_found"
    detail = "Not found"


class EmailTaken(AuthError):
    """Another account has this e-mail address."""

    code = "email_taken"
    detail = "An account with this e-mail address already exists."


class Unavailable(AuthError):
    """We cannot answer safely just now: the database is away, or too much waits in line."""

    code = "unavailable"
    detail = "The service is not available just now. Please try again."
    retry_after: ClassVar[int | None] = 1
