"""What has happened in this process, as plain numbers, for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tokenpair.core.events import (
    Event,
    LogInFailed,
    LogInOutcome,
    RenewalAttempted,
    RenewalOutcome,
    SessionEnded,
    SessionOpened,
)
from tokenpair.core.limits import LimitName, LimitReached
from tokenpair.core.mail_events import MailDeferred, MailFailed, MailSent
from tokenpair.core.sessions.rule import EndReason


class MailOutcome(Enum):
    """How an attempt to send a mail ended."""

    SENT = "sent"
    DEFERRED = "deferred"  # It is tried again.
    FAILED = "failed"  # It was given up.


class Counters:
    """The numbers of one process, counted from events."""

    def __init__(self) -> None:
        self.log_ins: dict[LogInOutcome, int] = dict.fromkeys(LogInOutcome, 0)
        self.renewals: dict[RenewalOutcome, int] = dict.fromkeys(RenewalOutcome, 0)
        self.sessions_ended: dict[EndReason, int] = dict.fromkeys(EndReason, 0)
        self.limits_reached: dict[LimitName, int] = dict.fromkeys(LimitName, 0)
        self.mails: dict[MailOutcome, int] = dict.fromkeys(MailOutcome, 0)

    def count(self, event: Event) -> None:
        """Add one where the event belongs."""
        match event:
            case RenewalAttempted():
                self.renewals[event.outcome] += 1
            case SessionOpened():
                self.log_ins[LogInOutcome.SUCCEEDED] += 1
            case LogInFailed():
                self.log_ins[event.outcome] += 1
            case SessionEnded():
                self.sessions_ended[event.reason] += 1
            case LimitReached():
                self.limits_reached[event.limit] += 1
            case MailSent():
                self.mails[MailOutcome.SENT] += 1
            case MailDeferred() | MailFailed(is_kept=True):
                self.mails[MailOutcome.DEFERRED] += 1
            case MailFailed():
                self.mails[MailOutcome.FAILED] += 1
            case _:
                pass  # No metric shows it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What this process has done since it started, and its state now.

    The first seven only grow: the difference of two values is what happened in between. The work of
    other processes, such as commands, is not counted.

    `cache_hits` and `cache_misses` count lookups of verified tokens. `revocations_heard` counts the
    revocations that other processes recorded; `lags` holds, for up to a thousand of the latest of
    them, the seconds from its recording until this process read it.

    `revocations` is the number in force, `staleness` the seconds since they were read, `hashing`
    the number of passwords that are being hashed, and `hashing_waiting` of those that wait for it.
    """

    log_ins: Mapping[LogInOutcome, int]
    renewals: Mapping[RenewalOutcome, int]
    sessions_ended: Mapping[EndReason, int]
    limits_reached: Mapping[LimitName, int]
    mails: Mapping[MailOutcome, int]
    cache_hits: int
    cache_misses: int
    revocations_heard: int
    lags: tuple[float, ...]
    revocations: int
    staleness: float
    hashing: int
    hashing_waiting: int
