"""Every error of tokenpair, as one tree. Nothing here knows HTTP.

::

    TokenPairError
    ├── ConfigurationError            a setting, file or database that stops the start
    ├── MailNotSent                   a `MailSender` could not send a mail; another attempt may help
    │   └── MailRefused               another attempt would not help
    └── AuthError                     a refused request; has a stable `code`
        ├── InvalidInput              a field has an invalid value
        ├── NotAuthenticated          no token was sent
        ├── InvalidCredentials        wrong e-mail address or password, or a disabled account
        ├── WrongPassword             a logged-in user's password, asked for again, is wrong
        ├── TooManyRequests           a limit is reached; `retry_after` says for how long
        ├── MailTokenInvalid          a token from a mail is not valid, for any reason
        ├── TokenError                a token was sent, and cannot be used
        │   ├── InvalidToken          malformed, forged, or issued for another service
        │   ├── ExpiredToken          issued here, but expired
        │   ├── StaleToken            the roles or the address have changed since it was issued
        │   ├── AccessTokenRequired   a refresh token was sent instead of an access token
        │   ├── RefreshTokenRequired  an access token was sent instead of a refresh token
        │   └── SessionEnded          its session has ended, for any reason
        ├── TokenSuperseded           the session has a newer token
        ├── ReauthenticationRequired  the user must prove again who they are
        ├── InsufficientRole          the user is not allowed to do this
        ├── EmailNotVerified          the user's address must be verified first
        ├── NotFound                  does not exist, or belongs to another user
        ├── SignUpClosed              new accounts are made by invitation only, or not at all
        ├── EmailTaken                another account has this e-mail address
        └── Unavailable               no safe answer is possible at the moment

`tokenpair.fastapi` adds those that only HTTP can raise: `InvalidRequest`, `CrossSite` and others.
Some modules derive a class for themselves, such as `Replayed`: callers see its ancestor's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar


class TokenPairError(Exception):
    """The root of the tree."""


class ConfigurationError(TokenPairError):
    """A setting, a file or a database is invalid, and the program cannot start.

    The message is one line for the operator. It names the setting and contains no secret.
    """


class MailNotSent(TokenPairError):
    """A mail could not be sent now, and is tried again. Its message has no address and no link."""


class MailRefused(MailNotSent):
    """A mail is refused for good, such as for a mailbox that does not exist. It is given up."""


class AuthError(TokenPairError):
    """A request is refused.

    `code` is stable and meant for programs; `detail` is a sentence for people. Both are safe to
    show to any client. `reason` is for the log only: it says what really happened.

    `retry_after` is after how many seconds the client may try again: the class has the default, and
    an instance may have its own. An app may derive its own errors, here or from the nearest class.
    """

    code: ClassVar[str]
    detail: ClassVar[str]
    retry_after: int | None = None

    def __init__(self, reason: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(reason or self.detail)
        self.reason = reason
        if retry_after is not None:
            self.retry_after = retry_after

    @property
    def members(self) -> Mapping[str, Any]:
        """Return further members of the JSON answer. They are safe to show to any client."""
        return {}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name and a reason, never its value."""

    field: str
    reason: str


class InvalidInput(AuthError):
    """One or more fields are invalid; `errors` says which and why."""

    code = "invalid_input"
    detail = "Some fields are not valid. The list in errors says which."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = errors

    @property
    def members(self) -> Mapping[str, Any]:
        """Return the list of errors."""
        return {"errors": [{"field": each.field, "reason": each.reason} for each in self.errors]}


class NotAuthenticated(AuthError):
    """No token was sent: no header, an empty one, or another scheme."""

    code = "not_authenticated"
    detail = "Not authenticated"


class InvalidCredentials(AuthError):
    """Unknown address, wrong password or disabled account: the caller is not told which."""

    code = "invalid_credentials"
    detail = "The e-mail address or the password is wrong."


class WrongPassword(AuthError):
    """A logged-in user was asked for the password again, and it is wrong."""

    code = "wrong_password"
    detail = "The password is wrong."


class TooManyRequests(AuthError):
    """A limit is reached. `retry_after` is the number of seconds until the next attempt counts."""

    code = "too_many_requests"
    detail = "Too many attempts. Please try again later."
    retry_after: int | None = 60


class MailTokenInvalid(AuthError):
    """A token from a mail is not valid: unknown, used, expired, replaced, or for something else."""

    code = "mail_token_invalid"
    detail = "This link is not valid any more. Please request a new one."


class TokenError(AuthError):
    """A token was sent, and cannot be used."""


class InvalidToken(TokenError):
    """The token is malformed, forged, or issued for another service."""

    code = "token_invalid"
    detail = "The token is not valid. Please log in again."


class ExpiredToken(TokenError):
    """The token was issued here, and has expired."""

    code = "token_expired"
    detail = "The token has expired. Please renew it or log in again."


class StaleToken(TokenError):
    """The user's roles or address have changed since the token was issued. Renewing it helps."""

    code = "token_stale"
    detail = "Your account has changed since this token was issued. Please renew it."


class AccessTokenRequired(TokenError):
    """A refresh token was sent instead of an access token."""

    code = "access_token_required"
    detail = "Please provide a valid access token"


class RefreshTokenRequired(TokenError):
    """An access token was sent instead of a refresh token."""

    code = "refresh_token_required"
    detail = "Please provide a valid refresh token"


class SessionEnded(TokenError):
    """The session has ended: by log-out, age or replay, or because its user was disabled."""

    code = "session_ended"
    detail = "The session has ended. Please log in again."


class TokenSuperseded(AuthError):
    """The session has a newer token. The session goes on: use the newer token."""

    code = "token_superseded"
    detail = "This session has a newer refresh token. Please use that one."
    retry_after: int | None = 1


class ReauthenticationRequired(AuthError):
    """The user's last log-in is too long ago: ask for the password again.

    `max_age` is the greatest age of a log-in that is accepted, if it is known.
    """

    code = "reauthentication_required"
    detail = "Your log-in is too long ago for this. Please enter your password again."

    def __init__(self, reason: str = "", *, max_age: timedelta | None = None) -> None:
        super().__init__(reason)
        self.max_age = max_age

    @property
    def members(self) -> Mapping[str, Any]:
        """Return `max_age` in whole seconds."""
        return {} if self.max_age is None else {"max_age": int(self.max_age.total_seconds())}


class InsufficientRole(AuthError):
    """The user is logged in, and is not allowed to do this."""

    code = "insufficient_role"
    detail = "You are not allowed to do this."


class EmailNotVerified(AuthError):
    """The user's address must be verified before they can do this."""

    code = "email_not_verified"
    detail = "Please verify your e-mail address first."


class NotFound(AuthError):
    """It does not exist, or belongs to another user: the caller is not told which."""

    code = "not_found"
    detail = "Not found"


class SignUpClosed(AuthError):
    """New accounts are made by invitation only, or not at all."""

    code = "sign_up_closed"
    detail = "Sign-up is closed."


class EmailTaken(AuthError):
    """Another account has this e-mail address."""

    code = "email_taken"
    detail = "An account with this e-mail address already exists."


class Unavailable(AuthError):
    """No safe answer is possible now: the database is unreachable, or a queue is full."""

    code = "unavailable"
    detail = "The service is temporarily unavailable. Please try again."
    retry_after: int | None = 1
