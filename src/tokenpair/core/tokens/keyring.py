"""The keyring: one key signs, and each key verifies what its state allows.

It is stored as a private JWK set (RFC 7517 §5), newest key first.
"""

from collections.abc import Iterable
from typing import Self

from tokenpair.core.tokens.key import Key, KeyState
from tokenpair.core.tokens.material import Jwk
from tokenpair.errors import ConfigurationError


class Keyring:
    """The keys of one issuer, newest first. Exactly one signs."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """Raises `ConfigurationError` for keys that cannot serve together."""
        self.keys: tuple[Key, ...] = tuple(keys)
        self._by_kid = {key.kid: key for key in self.keys}
        if not self.keys:
            raise ConfigurationError("a keyring needs at least one key")
        if len(self._by_kid) < len(self.keys):
            raise ConfigurationError("two keys have the same id: one of them is a copy")
        # A public key could otherwise be tried as an HS256 secret (RFC 8725 §2.1).
        if len({key.is_symmetric for key in self.keys}) > 1:
            raise ConfigurationError("HS256 keys and keys of other algorithms must not be mixed")
        signing = [key for key in self.keys if key.state is KeyState.SIGNING]
        if len(signing) != 1:
            raise ConfigurationError(
                f'exactly one key must be signing, and {len(signing)} are: correct their "state"'
            )
        self.signing: Key = signing[0]

    @classmethod
    def from_jwks(cls, jwks: object) -> Self:
        """Read a private JWK set. Raises `ConfigurationError`, without secrets in its message.

        Without a "state", the first key signs, and the others verify.
        """
        match jwks:
            case {"keys": [*keys]} if keys and all(isinstance(key, dict) for key in keys):
                states = [KeyState.SIGNING, *[KeyState.PUBLISHED] * (len(keys) - 1)]
                return cls(
                    Key.from_jwk(key, default=default)
                    for key, default in zip(keys, states, strict=True)
                )
            case _:
                raise ConfigurationError('not a JWK set: {"keys": [a key, ...]} is expected')

    def find(self, kid: object) -> Key | None:
        """Return the key with this id, or None. `kid` may be any JSON value."""
        return self._by_kid.get(kid) if isinstance(kid, str) else None

    def to_private_jwks(self) -> Jwk:
        """Return the JWK set that `from_jwks` reads."""
        return {"keys": [key.to_jwk(private=True) for key in self.keys]}

    def to_public_jwks(self) -> Jwk:
        """Return the public keys of access tokens, the signing one first.

        python-jose tries them in order, and fails at the first key of another type.
        """
        shown = [key for key in self.keys if key.verifies_access and not key.is_symmetric]
        shown.sort(key=lambda key: key is not self.signing)  # A stable sort: the others keep order.
        return {"keys": [key.to_jwk(private=False) for key in shown]}
