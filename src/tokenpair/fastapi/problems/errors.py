"""The errors that only HTTP can raise. They belong to the tree of `tokenpair.errors`.

::

    AuthError
    ├── InvalidRequest    ambiguous, such as two Authorization headers
    ├── CrossSite         with the cookie, but not from an allowed page
    └── PayloadTooLarge   the body is over the limit
"""

from typing import ClassVar

from tokenpair.errors import AuthError

MAX_BODY_BYTES = 64 * 1024
"""Largest request body, in bytes."""


class InvalidRequest(AuthError):
    """The request is ambiguous: it could be read in more than one way."""

    code = "invalid_request"
    detail = "The request has credentials more than once. Please send them once."


class CrossSite(AuthError):
    """The request uses the cookie, but does not prove that an allowed page sent it."""

    code = "cross_site"
    detail = (
        "This request uses a cookie, and does not come from a page of this service. "
        "Send it from such a page, with the header X-Tokenpair."
    )


class PayloadTooLarge(AuthError):
    """The body is over the limit."""

    code = "payload_too_large"
    detail: ClassVar[str] = (
        f"The request body is too large. Please send at most {MAX_BODY_BYTES // 1024} KiB."
    )
