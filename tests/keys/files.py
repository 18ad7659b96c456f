"""Key files: what tests write into them and read from them."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tokenpair import Key, Keyring
from tokenpair.core.tokens.key_rotation import publish, rotate
from tokenpair.key_file import make_if_missing, read_keyring

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def adding(key: Key) -> Callable[[Keyring | None], Keyring]:
    return lambda keyring: publish(keyring, key, NOW) if keyring else Keyring([key])


def read_or_create_keyring(path: Path) -> Keyring:
    """Read a key file, and make it first if it is missing, as an app does in development."""
    make_if_missing(path)
    return read_keyring(path)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def handing_over(keyring: Keyring | None) -> Keyring:
    assert keyring
    return rotate(publish(keyring, Key.generate(), NOW), NOW, early=True)


SECRET = "canary7f3a"


GENUINE = json.dumps(Keyring([Key.generate()]).to_private_jwks())


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "garbage": SECRET.encode(),
    "partial": GENUINE[: len(GENUINE) // 2].encode(),
    "not_utf_8": b"\xff\xfe" + SECRET.encode(),
    "a_list": json.dumps([SECRET]).encode(),
    "no_keys": b'{"keys": []}',
    "keys_of_text": json.dumps({"keys": [SECRET]}).encode(),
    "one_key_alone": json.dumps({"kty": "oct", "k": SECRET}).encode(),
    "two_that_sign": json.dumps(
        {"keys": [Key.generate().to_jwk(private=True) for _ in range(2)]}
    ).encode(),
    "short_secret": json.dumps({"keys": [{"kty": "oct", "k": SECRET, "alg": "HS256"}]}).encode(),
    "private_part_of_garbage": GENUINE.replace('"d": "', f'"d": "{SECRET}').encode(),
    "duplicate_member": GENUINE.replace('"kty"', f'"kty": "{SECRET}", "kty"').encode(),
    "nested": b"[" * 100_000,
}
