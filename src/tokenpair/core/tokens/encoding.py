"""Base64url as in JWTs (RFC 7515 §2), and JSON without ambiguities."""

import json
import math
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
# The last characters that a text may have, by its length modulo four: those with no spare bits set.
# A length of one more than a multiple of four is impossible.
_LAST = {2: b"AQgw", 3: b"AEIMQUYcgkosw048", 1: b""}

MAX_DEPTH = 100
"""Greatest depth of nested JSON arrays and objects."""

# The largest double has 309 digits.
_MAX_DIGITS = 308


def base64url(data: bytes) -> str:
    """Encode without padding."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def from_base64url(text: str | bytes) -> bytes:
    """Decode without padding. Raises `ValueError` unless `text` is what `base64url` returns.

    The standard library skips foreign characters and ignores spare bits, so that many texts decode
    to the same bytes. Here they are invalid.
    """
    data = text.encode("ascii") if isinstance(text, str) else text
    if data.translate(None, _ALPHABET):
        raise ValueError("not base64url")
    if (rest := len(data) % 4) and data[-1] not in _LAST[rest]:
        raise ValueError("not canonical base64url")
    return a2b_base64(data.translate(_FROM_URL) + b"=" * (-rest % 4))


def strict_json(data: bytes | str) -> Any:  # noqa: ANN401  JSON is anything.
    """Parse JSON. Raises `ValueError` for what parsers disagree about.

    Invalid are duplicate keys, NaN, infinities, numbers too large for a double (`1e999`), nesting
    deeper than `MAX_DEPTH`, and bytes that are not UTF-8.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        value = _parse(text)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    # Each level has a bracket, so this count rules out deep nesting in most texts.
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in _containers(level))
        level = [child for children in inside for child in children]
    return any(True for _ in _containers(level))


def _containers(values: Iterable[object]) -> Iterator[dict[str, object] | list[object]]:
    return (each for each in values if isinstance(each, dict | list))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError("a number is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


# Made once: making a decoder takes as long as parsing a token's payload.
_parse = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_float=_finite,
    parse_int=_integer,
).decode
