"""The token pair: read from an answer, and written to a store."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

VERSION = 1
"""Version of the records of stores."""

MAX_BYTES = 65_536
"""Longest answer or file that is read, in bytes. A pair has less than 2,000."""

_TEN_YEARS = 10 * 366 * 86_400.0
# What a header may carry (RFC 6750, section 2.1).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*", re.ASCII)


class OtherVersion(ValueError):
    """The record was written by another version of this client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An access token and a refresh token of one server. `repr` hides both.

    `expires_in` and `refresh_expires_in` are in seconds, counted from `received_at`, which is in
    seconds since the epoch. `server` is the URL that `PairAuth` was given. `access_token` is None
    if the store keeps the refresh token only.
    """

    server: str
    access_token: str | None = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float
    refresh_expires_in: float
    received_at: float

    @classmethod
    def from_answer(cls, body: bytes, *, server: str, received_at: float) -> "Pair":
        """Read the JSON of a log-in or renewal. Raises `ValueError`, which repeats nothing."""
        fields = _json_object(body)
        return cls(
            server=server,
            access_token=_token(fields.get("access_token")),
            refresh_token=_token(fields.get("refresh_token")),
            expires_in=_seconds(fields.get("expires_in")),
            refresh_expires_in=_seconds(fields.get("refresh_expires_in")),
            received_at=received_at,
        )

    @classmethod
    def from_record(cls, record: bytes) -> "Pair":
        """Read what `to_record` wrote. Raises `OtherVersion` or `ValueError`."""
        fields = _json_object(record)
        version, server = fields.get("tokenpair_client"), fields.get("server")
        if version is not None and version != VERSION:
            raise OtherVersion
        if version is None or not isinstance(server, str):
            raise ValueError("not a record of a pair")
        access_token = fields.get("access_token")
        return cls(
            server=server,
            access_token=None if access_token is None else _token(access_token),
            refresh_token=_token(fields.get("refresh_token")),
            expires_in=_seconds(fields.get("expires_in")),
            refresh_expires_in=_seconds(fields.get("refresh_expires_in")),
            received_at=_number(fields.get("received_at")),
        )

    def to_record(self) -> bytes:
        """Return the JSON that stores keep."""
        fields = {
            "tokenpair_client": VERSION,
            "server": self.server,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": self.expires_in,
            "refresh_expires_in": self.refresh_expires_in,
            "received_at": self.received_at,
        }
        return json.dumps(fields, indent=2).encode() + b"\n"


def _json_object(text: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        # Without its cause, which quotes the text.
        raise ValueError("not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the input is wrong, not the code.
    return found


def _token(value: object) -> str:
    if isinstance(value, str) and _TOKEN.fullmatch(value):
        return value
    raise ValueError("no valid token")


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15:
        return float(value)
    raise ValueError("not a number")


def _seconds(value: object) -> float:
    if 0 <= (seconds := _number(value)) <= _TEN_YEARS:
        return seconds
    raise ValueError("not a span of time")
