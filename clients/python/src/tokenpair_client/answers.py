"""What an answer of the server means, and how often a request is repeated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tokenpair_client.clock import Clock
from tokenpair_client.errors import LogInRefused, NoAnswer
from tokenpair_client.pair import Pair
from tokenpair_client.steps import Answer, Ask, Lost, Outcome, Steps, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """How often and how long a request is repeated.

    `pauses` come before the second and each later attempt, unless the server names longer ones. No
    attempt begins later than `seconds` after the first. All are in seconds.
    """

    pauses: tuple[float, ...]
    seconds: float


PERSISTENT: Final = Persistence(pauses=(0.0, 0.5, 1.0, 2.0), seconds=60.0)
"""Persistence where nothing else helps."""

BRIEF: Final = Persistence(pauses=(0.0,), seconds=1.0)
"""Persistence where the old access token is valid for some time."""

OVER = frozenset({"session_ended", "token_expired", "token_invalid"})
"""Codes of a refused refresh token after which only a log-in helps."""

_LATER = frozenset({408, 409, 425, 429})


def is_final(answer: Answer) -> bool:
    """Would the same request get the same answer again?"""
    return answer.status < 500 and answer.status not in _LATER


def is_over(answer: Answer) -> bool:
    """Does the server refuse the refresh token for good? A proxy's 401 does not mean it."""
    return answer.status == 401 and answer.code in OVER


def ask_until(
    is_good: Callable[[Answer], bool],
    ask: Ask,
    *,
    clock: Clock,
    random: Callable[[], float],
    persistence: Persistence = PERSISTENT,
    started: float | None = None,
) -> Steps[Answer]:
    """Send a request until the answer is good. Raises `NoAnswer`.

    `started` is when an earlier request that counts towards the same time was first sent.
    """
    started = clock.monotonic() if started is None else started
    for pause in (*persistence.pauses, None):
        answer = yield ask
        if isinstance(answer, Answer) and is_good(answer):
            return answer
        asked = answer.retry_after if isinstance(answer, Answer) else None
        # A random part more, so that the clients of a restarted server come one by one.
        seconds = max(pause or 0.0, asked or 0.0) * (1 + random() / 4)
        if pause is None or clock.monotonic() + seconds - started > persistence.seconds:
            break
        if seconds:
            yield Wait(seconds)
    raise no_answer(answer)


def read_pair(answer: Answer, *, server: str, now: float) -> Pair | None:
    """Return the pair in an answer; None if it has none, such as a proxy's page."""
    if answer.status != 200:
        return None
    try:
        return Pair.from_answer(answer.body or b"", server=server, received_at=now)
    except ValueError:
        return None


def refused(answer: Outcome | None) -> LogInRefused | NoAnswer:
    """Return the error of a log-in without a pair."""
    if isinstance(answer, Answer) and answer.code and answer.status < 500:
        return LogInRefused(answer.code, status=answer.status, retry_after=answer.retry_after)
    return no_answer(answer)


def no_answer(answer: Outcome | None) -> NoAnswer:
    """Return the error that says what came in place of a valid answer."""
    if not isinstance(answer, Answer):
        reason = answer.reason if isinstance(answer, Lost) else "nothing was sent"
        return NoAnswer(f"the server did not answer ({reason}); try again later")
    if answer.code:
        said = f"the server answered {answer.status} {answer.code}"
    elif answer.status == 200:
        said = "the server's answer is not a token pair; check the URL"
    elif answer.status < 500:
        said = f"the answer is not tokenpair's (status {answer.status}); check the URL"
    else:
        said = f"the server answered {answer.status}; try again later"
    return NoAnswer(said, status=answer.status, code=answer.code, retry_after=answer.retry_after)
