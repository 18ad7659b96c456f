"""Callables that are notified of events."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

News = TypeVar("News")


class Listeners(Generic[News]):
    """Listeners of one kind of news. An error in one is logged, and stops no other."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[News], None]] = []

    def add(self, listener: Callable[[News], None]) -> None:
        """Call `listener` with all later news, after the listeners that were added before."""
        self._listeners.append(listener)

    def tell(self, news: News) -> None:
        """Call each listener with `news`."""
        for listener in self._listeners:
            try:
                listener(news)
            except Exception:  # noqa: BLE001  What a listener does must not undo what has happened.
                _log.exception(
                    "a listener raised an error; the change it was notified of is not undone"
                )
