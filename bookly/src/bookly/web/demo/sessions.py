"""A visitor's demo session, and what has happened to it."""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bookly.web.demo.line import Dot, Holder, Line
from tokenpair import RenewalOutcome

KEPT_ENTRIES = 60
"""Number of entries that the log of a session keeps."""

SHOWN_DOTS = 60
"""Number of dots that the page gets, the newest ones."""

KEPT_TABS = 100
"""Number of tabs of a session that get a number of their own."""

_TAB = re.compile(r"[0-9a-z]{4,32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One renewal: who sent it, and how it ended.

    `tab` is None for the thief, who has no tab. `presented` and `answered` are numbers of dots.
    With `is_known` the answered token had been issued before. With `is_lost` the answer did not
    reach the page.
    """

    at: datetime
    outcome: RenewalOutcome
    holder: Holder
    tab: int | None
    generation: int
    presented: int | None
    answered: int | None
    is_known: bool
    is_lost: bool

    def as_json(self) -> dict[str, Any]:
        """Return what the page needs."""
        return {
            "at": self.at.isoformat(),
            "verdict": self.outcome.value,
            "holder": self.holder.value,
            "tab": self.tab,
            "generation": self.generation,
            "presented": self.presented,
            "answered": self.answered,
            "known": self.is_known,
            "lost": self.is_lost,
        }


@dataclass(slots=True, kw_only=True)
class Theft:
    """A copy of the owner's refresh token. The page holds `handle`, and never the token."""

    handle: str
    at: datetime
    token: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class DemoSession:
    """What the panel shows of one session, and the switches that it has.

    `rotated` is when it accepted its head; before the first renewal, when it began.
    """

    handle: str
    began: datetime
    rotated: datetime
    expires: datetime
    line: Line = field(default_factory=Line)
    log: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT_ENTRIES))
    theft: Theft | None = None
    ended: str | None = None
    loses_next: bool = False
    _tabs: dict[str, int] = field(default_factory=dict)

    def tab(self, name: str | None) -> int | None:
        """Return the number of a tab, by the name that it has chosen for itself."""
        if name is None or not _TAB.fullmatch(name):
            return None
        if name not in self._tabs and len(self._tabs) == KEPT_TABS:
            return None
        return self._tabs.setdefault(name, len(self._tabs) + 1)

    def note(
        self,
        outcome: RenewalOutcome,
        *,
        at: datetime,
        holder: Holder,
        tab: int | None,
        presented: str,
        answered: str | None,
    ) -> Entry:
        """Note a renewal, and what it changes. A lost answer of the owner is noted as lost."""
        dot = self.line.find(presented)
        is_lost = self.loses_next and holder is Holder.OWNER and answered is not None
        is_known = answered is not None and self.line.find(answered) is not None
        child = self._apply(outcome, dot, answered, holder)
        if outcome is RenewalOutcome.ADVANCE:
            self.rotated = at
        if is_lost:
            self.loses_next = False
        entry = Entry(
            at=at,
            outcome=outcome,
            holder=holder,
            tab=tab,
            generation=self.line.generation,
            presented=dot.number if dot else None,
            answered=child.number if child else None,
            is_known=is_known,
            is_lost=is_lost,
        )
        self.log.append(entry)
        return entry

    def _apply(
        self, outcome: RenewalOutcome, dot: Dot | None, answered: str | None, holder: Holder
    ) -> Dot | None:
        """Change the line, and return the dot of the answered token."""
        match outcome:
            case RenewalOutcome.ADVANCE if dot:
                self.line.accept(dot)
            case RenewalOutcome.REPLAY:
                self.ended = outcome.value
                if dot:
                    dot.is_replayed = True
            case RenewalOutcome.ENDED | RenewalOutcome.EXPIRED:
                self.ended = self.ended or outcome.value
            case _:
                pass
        if answered is None:
            return None
        return self.line.issue(answered, dot, holder)

    def as_json(self, tab: int | None) -> dict[str, Any]:
        """Return what the page needs, for the tab that asks."""
        return {
            "began": self.began.isoformat(),
            "expires": self.expires.isoformat(),
            "generation": self.line.generation,
            "head": self.line.head.number if self.line.head else None,
            "rotated": self.rotated.isoformat(),
            "ended": self.ended,
            "losing": self.loses_next,
            "theft": {"handle": self.theft.handle, "at": self.theft.at.isoformat()}
            if self.theft
            else None,
            "tab": tab,
            "dots": [each.as_json() for each in self.line.dots[-SHOWN_DOTS:]],
            "log": [each.as_json() for each in self.log],
        }
