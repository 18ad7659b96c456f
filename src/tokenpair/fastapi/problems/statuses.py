"""The HTTP status of each error, and the names of the statuses (RFC 9110, IANA registry).

Python's own names differ between its versions: 422 was "Unprocessable Entity" until 3.12. The
titles and codes of our answers must not depend on that.
"""

from http import HTTPStatus

from tokenpair.errors import (
    AuthError,
    EmailNotVerified,
    EmailTaken,
    InsufficientRole,
    InvalidCredentials,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    ReauthenticationRequired,
    SignUpClosed,
    TokenError,
    TokenSuperseded,
    TooManyRequests,
    Unavailable,
    WrongPassword,
)
from tokenpair.fastapi.problems.errors import CrossSite, InvalidRequest, PayloadTooLarge

# An error that is not listed has the status of its nearest listed ancestor.
_STATUSES: dict[type[AuthError], int] = {
    AuthError: 400,
    InvalidRequest: 400,
    NotAuthenticated: 401,
    InvalidCredentials: 401,
    TokenError: 401,
    ReauthenticationRequired: 401,
    InsufficientRole: 403,
    WrongPassword: 403,
    SignUpClosed: 403,
    EmailNotVerified: 403,
    CrossSite: 403,
    NotFound: 404,
    EmailTaken: 409,
    TokenSuperseded: 409,
    PayloadTooLarge: 413,
    InvalidInput: 422,
    TooManyRequests: 429,
    Unavailable: 503,
}
_NAMES = {
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    305: "Use Proxy",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    418: "I'm a Teapot",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    423: "Locked",
    424: "Failed Dependency",
    425: "Too Early",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
}
# These have the codes of the library's own errors.
_CODES = {400: InvalidRequest.code, 413: PayloadTooLarge.code}
_PYTHONS = frozenset(HTTPStatus)


def status_of(kind: type[AuthError]) -> int:
    """Return the status of an error, by its nearest ancestor in the table."""
    return next(_STATUSES[each] for each in kind.__mro__ if each in _STATUSES)


def title_of(status: int) -> str:
    """Return the name of a status; "Error" for one that is not in the registry."""
    return _NAMES.get(status, "Error")


def code_of(status: int) -> str:
    """Return the code of a problem of which only the status is known, such as `not_found`."""
    name = title_of(status).lower().replace("'", "").replace("-", " ")
    return _CODES.get(status) or name.replace(" ", "_")


def is_pythons_name(status: int, text: str) -> bool:
    """Tell whether this is the name that the running Python has for the status."""
    return status in _PYTHONS and text == HTTPStatus(status).phrase
