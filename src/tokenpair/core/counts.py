"""What has happened in this process, as plain numbers, for whoever watches it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tokenpair.core.sessions.rule import EndReason


class LogInOutcome(Enum):
    """How a log-in ended.

    An unknown address, a wrong password and a disabled account are one: whoever may see the
    numbers could otherwise tell from them what the answer does not say.
    """

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"  # It could not be told: the database is away, or too many wait.


class RenewalOutcome(Enum):
    """How a renewal ended: by a verdict of the rule, or before there was one."""

    ADVANCE = "advance"
    HOLD = "hold"
    REPEAT = "repeat"
    SUPERSEDED = "superseded"
    REPLAY = "replay"
    ENDED = "ended"
    FORGED = "forged"  # Well signed, and not by the session's secret: a signing key has leaked.
    EXPIRED = "expired"  # The token; a session that has outlived its time is *ended*.
    INVALID = "invalid"  # No refresh token of ours.
    UNAVAILABLE = "unavailable"


class Tally:
    """Counts. The flows that count share one, and count what is committed."""

    def __init__(self) -> None:
        self.log_ins: dict[LogInOutcome, int] = dict.fromkeys(LogInOutcome, 0)
        self.renewals: dict[RenewalOutcome, int] = dict.fromkeys(RenewalOutcome, 0)
        self.sessions_ended: dict[EndReason, int] = dict.fromkeys(EndReason, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What this process has done since it began, and how it stands at the moment.

    The first six only grow: take them twice, and subtract. Work of other processes, the command
    line's among them, is not in them.

    `cache_hits` and `cache_misses` are about the verified tokens that are remembered.
    `revocations_heard` is how many were heard of from other processes; `lags` tells, for up to a
    thousand of the latest of these, how many seconds after it was recorded.

    `revocations` is how many are in force, `staleness` how many seconds ago they were read, and
    `hashing` and `hashing_waiting` how many passwords are being hashed and wait for it.
    """

    log_ins: Mapping[LogInOutcome, int]
    renewals: Mapping[RenewalOutcome, int]
    sessions_ended: Mapping[EndReason, int]
    cache_hits: int
    cache_misses: int
    revocations_heard: int
    lags: tuple[float, ...]
    revocations: int
    staleness: float
    hashing: int
    hashing_waiting: int
