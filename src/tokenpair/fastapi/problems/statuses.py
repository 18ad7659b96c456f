"""The names of the HTTP statuses, as RFC 9110 and the IANA registry have them.

Python's own table differs between its versions: 422 was "Unprocessable Entity" until 3.12, and
the titles and codes of our answers must not depend on that.
"""

from http import HTTPStatus

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
# What the library's own errors call them.
_CODES = {400: "invalid_request", 413: "payload_too_large"}
_PYTHONS = frozenset(HTTPStatus)


def title_of(status: int) -> str:
    """Return the name of a status; "Error" for one that is not in the registry."""
    return _NAMES.get(status, "Error")


def code_of(status: int) -> str:
    """Return the code of a problem that has nothing but its status: `not_found`."""
    name = title_of(status).lower().replace("'", "").replace("-", " ")
    return _CODES.get(status) or name.replace(" ", "_")


def is_pythons_name(status: int, text: str) -> bool:
    """Is this the name that the running Python has for the status?"""
    return status in _PYTHONS and text == HTTPStatus(status).phrase
