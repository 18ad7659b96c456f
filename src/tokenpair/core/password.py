"""Which passwords will do (NIST SP 800-63B-4 §3.1.1.2; OWASP ASVS 5.0, 6.2)."""

import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tokenpair.errors import FieldError, InvalidInput

MAX_PASSWORD_LENGTH = 1024
MIN_PASSWORD_FLOOR = 8
# Fewer guesses than this, and an attacker who only asks may get there.
_MIN_GUESSES = 10**6
# The estimate's cost explodes with the length of its input: 64 characters of the kind that
# stand for letters ("4@8({[") take seconds, 24 take 30 ms.
_ESTIMATED_LENGTH = 24
_MAX_WORDS = 10
# The estimator keeps the words of its caller in a global: two at once would mix them.
_one_at_a_time = threading.Lock()


def normalise_password(password: str) -> str:
    """Give the form that is hashed: NFC, so that one password typed on two devices is one.

    Nothing is trimmed or cut.
    """
    return unicodedata.normalize("NFC", password)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """What a new password must be: long enough, and not among the first to be guessed.

    There are no rules of composition. Lengths count code points after NFC.
    """

    min_length: int = 15
    context_words: frozenset[str] = frozenset()

    def check(self, password: str, *, words: Iterable[str] = (), field: str = "password") -> None:
        """Require that `password` will do; `words` are the user's own, easy to guess for them.

        Raises `InvalidInput` with the reason.
        """
        normalised = normalise_password(password)
        if len(normalised) < self.min_length:
            raise InvalidInput(FieldError(field, f"is shorter than {self.min_length} characters"))
        if len(normalised) > MAX_PASSWORD_LENGTH:
            raise InvalidInput(
                FieldError(field, f"is longer than {MAX_PASSWORD_LENGTH} characters")
            )
        if is_easily_guessed(normalised, {*self.context_words, *words}):
            raise InvalidInput(FieldError(field, "is among the first that an attacker would try"))


def is_easily_guessed(password: str, words: Iterable[str] = ()) -> bool:
    """Is it a common password, a keyboard walk, a repetition, or made of such and of `words`?

    Of a long one only both ends are looked at. Takes up to 50 ms: not for the event loop.
    """
    # Imported at the first new password: its word lists take 60 ms to load, and a worker
    # that only renews never needs them.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    ends = {password[:_ESTIMATED_LENGTH], password[-_ESTIMATED_LENGTH:]}
    known = sorted(words)[:_MAX_WORDS]
    with _one_at_a_time:
        return all(zxcvbn(end, user_inputs=known)["guesses"] < _MIN_GUESSES for end in ends)
