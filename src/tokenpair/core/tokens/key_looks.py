"""When to look for an unknown key: any client can send tokens that name one."""

LOOK_SECONDS = 0.1
"""Shortest interval between two looks that tokens ask for, in seconds."""

_MAX_ASKED = 1000
_ASKED_SECONDS = 1.0


class KeyLooks:
    """Bounds the looks, and knows which headers of tokens the last one has settled.

    A header that was met before the last look, and is still unknown, names no key: its token is
    invalid. One that was first met since may name a key that has just come: it cannot be told
    before the next look. `at` is always a moment in seconds, by a monotonic clock.
    """

    def __init__(self) -> None:
        self._looked_at = self._settled_at = -_ASKED_SECONDS
        self._first_asked: dict[str, float] = {}
        self._cleared_at = 0.0

    def is_due(self, header: str, *, at: float) -> bool:
        """Is it time to look for the key of this header?

        Then the caller looks, and calls `settle` if that could tell which keys there are.
        """
        if at - self._cleared_at >= _ASKED_SECONDS:
            self._first_asked, self._cleared_at = {}, at
        if len(self._first_asked) < _MAX_ASKED:
            self._first_asked.setdefault(header, at)
        if at - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = at
        return True

    def settle(self) -> None:
        """Note that the look that was due has succeeded. One that failed settles nothing."""
        self._settled_at = self._looked_at

    def has_settled(self, header: str) -> bool:
        """Has a look succeeded since this header was first met?"""
        first_asked = self._first_asked.get(header)
        return first_asked is not None and first_asked <= self._settled_at
