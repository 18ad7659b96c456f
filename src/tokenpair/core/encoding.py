"""Bytes as JWTs write them (RFC 7515 §2), and JSON without its ambiguities."""

import base64
import json
import re
from typing import Any, NoReturn

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def base64url(data: bytes) -> str:
    """Encode without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decode; exactly one text decodes to given bytes. Raises `ValueError` for any other.

    The standard library skips foreign characters and ignores spare bits, so that many texts
    mean the same bytes; comparing with what we would write ourselves refuses them all.
    """
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def strict_json(data: bytes | str) -> Any:  # noqa: ANN401  JSON is anything.
    """Parse JSON, refusing what parsers disagree about: duplicate keys, NaN, infinities.

    Raises `ValueError`, also for bytes that are not UTF-8 and for nesting too deep to parse.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
