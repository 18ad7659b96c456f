"""Listeners are told in order, and one that fails stops no other."""

import pytest

from tokenpair.listeners import Listeners


def test_each_listener_is_told_in_the_order_in_which_it_was_added() -> None:
    told: list[str] = []
    listeners: Listeners[str] = Listeners()
    listeners.add(lambda news: told.append(f"first {news}"))
    listeners.add(lambda news: told.append(f"second {news}"))

    listeners.tell("news")

    assert told == ["first news", "second news"]


def test_an_error_in_one_is_logged_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(news: str) -> None:
        raise LookupError(len(news))

    told: list[str] = []
    listeners: Listeners[str] = Listeners()
    listeners.add(fail)
    listeners.add(told.append)

    listeners.tell("news")

    assert told == ["news"]
    assert "LookupError" in caplog.text
