"""How keys come and go: publish, sign, retire; and what to do when one has leaked.

Each function returns the next keyring, and changes nothing. Between two steps there must be time:
verifiers cache the public keys, and the tokens of a key, refresh tokens most of all, are valid for
longer than it signs.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from tokenpair.core.tokens.key import Key, KeyState
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.errors import ConfigurationError

JWKS_MAX_AGE = timedelta(minutes=5)
"""Time for which verifiers may cache the public keys, and for which a key waits before it signs."""

# Workers notice a changed key file within seconds; until then they sign with the old key.
_MARGIN = timedelta(minutes=1)


def publish(keyring: Keyring, key: Key, now: datetime) -> Keyring:
    """Add a key that will sign, so that verifiers can fetch it."""
    return Keyring([replace(key, state=KeyState.PUBLISHED, since=now), *keyring.keys])


class TooEarly(ConfigurationError):
    """Verifiers may not have fetched the new key yet."""


def rotate(keyring: Keyring, now: datetime, *, early: bool = False) -> Keyring:
    """Let the newest published key sign. The key that signed until now still verifies.

    Raises `ConfigurationError` if there is none, and `TooEarly`, unless `early`, if verifiers may
    not have fetched it yet.
    """
    coming = _coming(keyring)
    if not coming:
        raise ConfigurationError("no key is waiting to sign: make a new one first")
    since = coming[0].since
    left = JWKS_MAX_AGE - (now - since) if since else timedelta(0)
    if left > timedelta(0) and not early:
        raise TooEarly(
            "verifiers may not know the new key yet: try again in "
            f"{math.ceil(left.total_seconds())} seconds"
        )
    return _hand_over(keyring, coming[0], now, leaving=KeyState.PUBLISHED)


def retire(keyring: Keyring, now: datetime, lifetimes: Lifetimes) -> Keyring:
    """Move every key that no longer signs one state down, if it is due.

    It becomes renewal-only when its last access token has expired, and is removed when its last
    refresh token has.
    """
    staying = {key.kid for key in (keyring.signing, *_coming(keyring))}
    stepped = [
        key if key.kid in staying else _step_down(key, now, lifetimes) for key in keyring.keys
    ]
    return Keyring(key for key in stepped if key)


def compromise(keyring: Keyring, kid: str, now: datetime) -> Keyring:
    """Stop accepting access tokens of a key, from now on.

    Its refresh tokens still renew: an attacker with the key does not know the sessions' secrets.
    If the key was signing, a published one takes over at once, or else a new one. Raises
    `ConfigurationError` for an unknown key.
    """
    if not (key := keyring.find(kid)):
        raise ConfigurationError(f"there is no key {kid!r}: list the keys, and copy the id")
    if key is keyring.signing:
        if not (coming := _coming(keyring)):
            coming = [Key.generate(key.algorithm, state=KeyState.PUBLISHED, since=now)]
            keyring = Keyring([*coming, *keyring.keys])
        return _hand_over(keyring, coming[0], now, leaving=KeyState.RENEWAL_ONLY)
    return _with(keyring, _entering(key, KeyState.RENEWAL_ONLY, now))


def _hand_over(keyring: Keyring, new: Key, now: datetime, *, leaving: KeyState) -> Keyring:
    """Let `new` sign; `leaving` is the next state of the key that signed until now."""
    return _with(
        keyring,
        _entering(keyring.signing, leaving, now),
        _entering(new, KeyState.SIGNING, now),
    )


def _step_down(key: Key, now: datetime, lifetimes: Lifetimes) -> Key | None:
    if key.since is None:  # Unknown for how long it has been in its state: count from now.
        return replace(key, since=now)
    match key.state:
        case KeyState.PUBLISHED if now - key.since >= lifetimes.access + _MARGIN:
            return _entering(key, KeyState.RENEWAL_ONLY, now)
        case KeyState.RENEWAL_ONLY if now - key.since >= lifetimes.idle + _MARGIN:
            return None
        case _:
            return key


def _coming(keyring: Keyring) -> list[Key]:
    """Return the keys that will sign, newest first: those before the signing key."""
    ahead = keyring.keys[: keyring.keys.index(keyring.signing)]
    return [key for key in ahead if key.state is KeyState.PUBLISHED]


def _entering(key: Key, state: KeyState, now: datetime) -> Key:
    return key if key.state is state else replace(key, state=state, since=now)


def _with(keyring: Keyring, *changed: Key) -> Keyring:
    by_kid = {key.kid: key for key in changed}
    return Keyring(by_kid.get(key.kid, key) for key in keyring.keys)
