"""Which passwords will do (NIST SP 800-63B-4 §3.1.1.2; OWASP ASVS 5.0, 6.2)."""

import math
import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tokenpair.errors import FieldError, InvalidInput

MAX_PASSWORD_LENGTH = 1024
MIN_PASSWORD_FLOOR = 8
MIN_PASSWORD_LENGTH = 15
# Fewer guesses than this, and an attacker who only asks may get there.
_MIN_GUESSES = 10**6
# Length of the two ends of a password that are estimated, in characters.
_ESTIMATED_LENGTH = 24
# The estimator tries every way to read "4@8({[" as letters: hundreds of ways take 0.3 s. An end
# is cut until its number of ways times the square of its length is no more than this.
_MAX_WORK = 8 * _ESTIMATED_LENGTH**2
_MIN_WORD_LENGTH = 3
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

    min_length: int = MIN_PASSWORD_LENGTH
    context_words: frozenset[str] = frozenset()

    def require_valid(
        self, password: str, *, words: Iterable[str] = (), field: str = "password"
    ) -> None:
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
        known = {*self.context_words, *words}
        if has_little_besides(normalised, known):
            reason = (
                f"has fewer than {MIN_PASSWORD_FLOOR} letters and digits besides your e-mail "
                "address and the name of this service"
            )
            raise InvalidInput(FieldError(field, reason))
        if is_easily_guessed(without_words(normalised, known), known):
            raise InvalidInput(FieldError(field, "is among the first that an attacker would try"))


def without_words(password: str, words: Iterable[str]) -> str:
    """Return what is left of a password when words that an attacker knows are taken out.

    They are taken out backwards, too. Words of fewer than 3 characters stay: they stand in many
    good passwords by chance.
    """
    known = {form for each in words if len(each) >= _MIN_WORD_LENGTH for form in (each, each[::-1])}
    if not known:
        return password
    longest_first = "|".join(map(re.escape, sorted(known, key=lambda word: (-len(word), word))))
    return re.sub(longest_first, "", password, flags=re.IGNORECASE)


def has_little_besides(password: str, words: Iterable[str]) -> bool:
    """Tell whether a password is made of known words, with fewer than 8 letters and digits added.

    Only letters and digits count, on both sides: "a.d.a@example.com!!" is "ada@example.com".
    """
    bare = _letters_and_digits(password)
    own = without_words(bare, map(_letters_and_digits, words))
    return own != bare and len(own) < MIN_PASSWORD_FLOOR


def _letters_and_digits(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def is_easily_guessed(password: str, words: Iterable[str] = ()) -> bool:
    """Is it a common password, a keyboard walk, a repetition, or made of such and of `words`?

    Only both ends of a long password are estimated, which may refuse more than the whole would
    and never less. Takes up to 50 ms: not for the event loop.
    """
    # Imported at the first new password: its word lists take 60 ms to load, and a worker
    # that only renews never needs them.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    known = sorted(words, key=lambda word: (-len(word), word))[:_MAX_WORDS]
    ends = {_affordable(password), _affordable(password[::-1])[::-1]}
    with _one_at_a_time:
        return all(zxcvbn(end, user_inputs=known)["guesses"] < _MIN_GUESSES for end in ends)


def _affordable(text: str) -> str:
    """Return as much of the beginning as the estimator reads in bounded time."""
    end = text[:_ESTIMATED_LENGTH]
    while _readings(end) * len(end) ** 2 > _MAX_WORK:
        end = end[:-1]
    return end


def _readings(text: str) -> int:
    """Return in how many ways the estimator reads a text's symbols as letters."""
    from zxcvbn.matching import L33T_TABLE  # noqa: PLC0415  As above.

    found = (sum(symbol in text for symbol in symbols) for symbols in L33T_TABLE.values())
    return math.prod(number for number in found if number)
