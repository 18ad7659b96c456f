"""Which passwords are valid (NIST SP 800-63B-4 §3.1.1.2; OWASP ASVS 5.0, 6.2)."""

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
# As many as zxcvbn estimates for 8 random characters. An attacker who can only try to log in never
# gets so far.
_MIN_GUESSES = 10**8
# Number of ASCII's symbols, with the space: any of them may separate the words of a password.
_SEPARATORS = 33
# Length of the two ends of a password that are estimated, in characters.
_ESTIMATED_LENGTH = 24
# The estimator tries every way to read "4@8({[" as letters: hundreds of ways take 0.3 s. An end
# is cut until its number of ways times the square of its length is no more than this.
_MAX_WORK = 8 * _ESTIMATED_LENGTH**2
_MIN_WORD_LENGTH = 3
_MAX_WORDS = 10
# The estimator keeps its caller's words in a global: two concurrent calls would mix theirs.
_one_at_a_time = threading.Lock()


def normalise_password(password: str) -> str:
    """Return the form that is hashed: NFC, so that all devices of a user send the same password.

    Nothing is trimmed or cut.
    """
    return unicodedata.normalize("NFC", password)


def is_encodable(password: str) -> bool:
    """Tell whether UTF-8 can encode it: no lone surrogate is in it."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """What a new password must be: long enough, and not easily guessed.

    No kind of character is required. Lengths count code points after NFC.
    """

    min_length: int = MIN_PASSWORD_LENGTH
    context_words: frozenset[str] = frozenset()

    def require_valid(
        self, password: str, *, words: Iterable[str] = (), field: str = "password"
    ) -> None:
        """Require a valid password. `words` are those that are easy to guess for this user.

        Raises `InvalidInput` with the reason.
        """
        normalised = normalise_password(password)
        if "\0" in normalised or not is_encodable(normalised):
            raise InvalidInput(FieldError(field, "must not contain NUL or lone surrogates"))
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
                "address, the rest of your account and the name of this service"
            )
            raise InvalidInput(FieldError(field, reason))
        if is_easily_guessed(without_words(normalised, known), known):
            raise InvalidInput(
                FieldError(field, "is easily guessed; choose rarer words, or more of them")
            )


def without_words(password: str, words: Iterable[str]) -> str:
    """Return what is left of a password when words that an attacker knows are taken out.

    They are taken out when written backwards, too. Words of fewer than 3 characters stay: many
    good passwords contain them by chance.
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
    """Is it a common password, a keyboard walk, a repetition, or a mix of these and `words`?

    It is also estimated without its separators: "Passw0rd Passw0rd" is a repetition. Of a long
    password only both ends are estimated. That refuses all that an estimate of the whole would
    refuse, and perhaps more. It takes up to 100 ms: call it outside the event loop.
    """
    known = sorted(words, key=lambda word: (-len(word), word))[:_MAX_WORDS]
    bare = _letters_and_digits(password)
    separators = _SEPARATORS ** len(set(password) - set(bare))
    with _one_at_a_time:
        return _guesses(password, known) < _MIN_GUESSES or (
            bare not in {"", password} and _guesses(bare, known) * separators < _MIN_GUESSES
        )


def _guesses(text: str, known: list[str]) -> int:
    """Return the number of guesses that find the better one of a text's ends."""
    # Imported with the first new password: loading its word lists takes 60 ms, and a worker
    # that only renews sessions does not need them.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    if not text:
        return 1  # The estimator cannot read it.
    ends = {_affordable(text), _affordable(text[::-1])[::-1]}
    found = [zxcvbn(end, user_inputs=known)["sequence"] for end in ends]
    # Not its own sum, "guesses": that adds 10**8 for any three words, also for three months.
    return max(
        math.factorial(len(parts)) * math.prod(int(part["guesses"]) for part in parts)
        for parts in found
    )


def _affordable(text: str) -> str:
    """Return the longest beginning that the estimator reads in bounded time."""
    end = text[:_ESTIMATED_LENGTH]
    while _readings(end) * len(end) ** 2 > _MAX_WORK:
        end = end[:-1]
    return end


def _readings(text: str) -> int:
    """Return the number of ways in which the estimator reads a text's symbols as letters."""
    from zxcvbn.matching import L33T_TABLE  # noqa: PLC0415  Its import is slow.

    found = (sum(symbol in text for symbol in symbols) for symbols in L33T_TABLE.values())
    return math.prod(number for number in found if number)
