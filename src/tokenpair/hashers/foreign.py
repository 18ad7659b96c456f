"""Hashes of other systems. They are compared as they are; a right password is hashed anew."""

import re
from typing import ClassVar

from pwdlib.hashers.base import ensure_bytes, ensure_str

from tokenpair.hashers.unusable import MALFORMED, UnusableHash


class ForeignHasher:
    """Base of the hashers of pwdlib that make no new hashes."""

    forms: ClassVar[tuple[re.Pattern[str], ...]]
    """The forms of the stored hashes."""

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Tell whether the hash has one of the forms."""
        return _match(cls.forms, hash) is not None

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Raise `NotImplementedError`: new hashes are made with argon2id."""
        raise NotImplementedError

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002, ARG002  As pwdlib's.
        """Return True."""
        return True

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Compare a password with a hash. Raises `UnusableHash`."""
        found = _match(self.forms, hash)
        if found is None:
            raise UnusableHash(MALFORMED)
        try:
            return self.compare(ensure_bytes(password), found)
        except ValueError as exc:
            # The library's word for parameters and salts that are not valid.
            raise UnusableHash(MALFORMED) from exc

    def compare(self, password: bytes, stored: re.Match[str]) -> bool:
        """Compare a password with a hash of one of the forms.

        Raises `UnusableHash`, and `ValueError` for a malformed one.
        """
        raise NotImplementedError


def _match(forms: tuple[re.Pattern[str], ...], stored: str | bytes) -> re.Match[str] | None:
    text = ensure_str(stored)
    return next((found for form in forms if (found := form.fullmatch(text))), None)
