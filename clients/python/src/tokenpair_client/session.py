"""The rules of a client: when to renew, and what is kept. Its only I/O is that of the store."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from secrets import SystemRandom
from typing import Final, NoReturn

from tokenpair_client.answers import (
    BRIEF,
    PERSISTENT,
    Persistence,
    ask_until,
    is_final,
    is_over,
    no_answer,
    read_pair,
    refused,
)
from tokenpair_client.clock import Clock
from tokenpair_client.errors import NoAnswer, SessionOver, StoreError
from tokenpair_client.held import Held
from tokenpair_client.pair import Pair
from tokenpair_client.steps import Answer, Ask, Steps, Wait
from tokenpair_client.store import Store
from tokenpair_client.transport import EXCHANGE_SECONDS

LOCK_SECONDS: Final = PERSISTENT.seconds + 2 * EXCHANGE_SECONDS + 10
"""Longest wait for another user of the store, in seconds: longer than all its attempts.

The last attempt of its renewal may be late, and that of a log-out everywhere comes after it.
"""

LOCK_PAUSE: Final = 0.05
"""Pause between two looks at a lock that is taken, in seconds."""

_log = logging.getLogger("tokenpair_client")


@dataclass(slots=True, kw_only=True)
class Session:
    """One session of one server, in a store. Its methods yield steps for a driver."""

    server: str
    store: Store
    clock: Clock = field(default_factory=Clock)
    random: Callable[[], float] = field(default_factory=lambda: SystemRandom().random)
    held: Held | None = field(default=None, init=False)

    def is_due(self, held: Held) -> bool:
        """Tell whether this pair should be renewed."""
        return self.clock.monotonic() >= held.renew_at

    def is_expired(self, held: Held) -> bool:
        """Tell whether the access token has expired, as far as this client knows."""
        return self.clock.monotonic() >= held.expires_at

    def renew(self, used: str | None, persistence: Persistence = PERSISTENT) -> Steps[Held]:
        """Return a newer pair than that of the access token `used`, from the store or the server.

        Raises `SessionOver`, `NoAnswer` or `StoreError`.
        """
        # Another thread or task has renewed while this one waited.
        if self.held and self.held.access_token != used and not self.is_due(self.held):
            return self.held
        yield from self._lock()
        try:
            pair = self._stored()
            if pair.access_token is not None and pair.access_token != used:
                adopted = self._hold(pair, pair.access_token, self._age(pair))
                if not self.is_due(adopted):
                    return adopted
            return (yield from self._present(pair, persistence))
        finally:
            self.store.unlock()

    def refresh(self, held: Held) -> Steps[Held]:
        """Renew a pair that is due. If the server is unreachable, use it while it is valid.

        Raises `SessionOver`, `NoAnswer` or `StoreError`.
        """
        persistence = PERSISTENT if self.is_expired(held) else BRIEF
        try:
            return (yield from self.renew(held.access_token, persistence))
        except NoAnswer:
            # Meanwhile the token may have expired, and another process may have stored a newer one.
            valid = [each for each in (self.held, held) if each and not self.is_expired(each)]
            if not valid:
                raise
            return self._postpone(valid[0])

    def _postpone(self, held: Held) -> Held:
        """Keep this token, and renew it later: an unreachable server costs time."""
        now = self.clock.monotonic()
        self.held = replace(held, renew_at=now + (held.expires_at - now) / 4)
        return self.held

    def forget(self, used: str) -> Steps[Held]:
        """Return a newer pair, if the store has one; else forget the session that has ended.

        `used` is the access token that the server refused. Raises `SessionOver`, `NoAnswer` or
        `StoreError`.
        """
        yield from self._lock()
        try:
            pair = self._stored()
            if pair.access_token == used:
                self._end("session_ended")
            return (yield from self._adopt(pair))
        finally:
            self.store.unlock()

    def log_in(self, email: str, password: str) -> Steps[None]:
        """Start a session and store its pair. An older session in the store ends.

        Raises `LogInRefused`, `NoAnswer` or `StoreError`.
        """
        yield from self._lock()
        try:
            older, asked_at = self.store.read(), self.clock.monotonic()
            answer = yield Ask(path="/login", body={"email": email, "password": password})
            pair = self._read_pair(answer) if isinstance(answer, Answer) else None
            if pair is None:
                raise refused(answer)
            try:
                self.store.write(pair)
            except StoreError:
                yield Ask(path="/logout", token=pair.refresh_token)
                raise
            self._hold(pair, pair.access_token or "", self.clock.monotonic() - asked_at)
            if older is not None and older.server == self.server:
                yield Ask(path="/logout", token=older.refresh_token)
        finally:
            self.store.unlock()

    def log_out(self, *, everywhere: bool) -> Steps[None]:
        """End the session, or all of the user's, and forget the pair. Without a pair, do nothing.

        Raises `NoAnswer`, and keeps the pair; or `StoreError`.
        """
        yield from self._lock()
        try:
            started = self.clock.monotonic()
            self.held, pair = None, self._read()
            if pair is None:
                return
            ask = Ask(path="/logout", token=pair.refresh_token)
            if everywhere:
                try:
                    held = yield from self._present(pair)
                except SessionOver:
                    return
                ask = Ask(path="/logout/all", token=held.access_token)
            answer = yield from ask_until(
                is_final, ask, clock=self.clock, random=self.random, started=started
            )
            if answer.status != 204 and not is_over(answer):
                raise no_answer(answer)
            self.held = None
            self.store.clear()
        finally:
            self.store.unlock()

    def _present(self, pair: Pair, persistence: Persistence = PERSISTENT) -> Steps[Held]:
        """Exchange the refresh token for the next pair, and store that.

        A lost answer does no harm: a token stays valid until its successor is used.
        """

        def is_good(answer: Answer) -> bool:
            if answer.status == 200:
                return self._read_pair(answer) is not None
            if answer.status == 409:
                return self._stored().refresh_token != pair.refresh_token
            return is_final(answer)

        asked_at = self.clock.monotonic()
        ask = Ask(path="/refresh_token", token=pair.refresh_token)
        answer = yield from ask_until(
            is_good, ask, clock=self.clock, random=self.random, persistence=persistence
        )
        if received := self._read_pair(answer):
            return self._accept(pair, received, self.clock.monotonic() - asked_at)
        if answer.status == 409:
            return (yield from self._adopt(self._stored()))
        if is_over(answer):
            self._end(answer.code or "")
        raise no_answer(answer)

    def _adopt(self, pair: Pair) -> Steps[Held]:
        """Continue with what another process has stored."""
        if pair.access_token is None:
            return (yield from self._present(pair))
        return self._hold(pair, pair.access_token, self._age(pair))

    def _accept(self, presented: Pair, received: Pair, age: float) -> Held:
        """Store the new pair, unless the store holds another one by now."""
        stored, access_token = self._stored(), received.access_token or ""
        if stored.refresh_token != presented.refresh_token:
            if stored.access_token is not None:
                return self._hold(stored, stored.access_token, self._age(stored))
            return self._hold(received, access_token, age)
        try:
            self.store.write(received)
        except StoreError as exc:
            # As if the answer were lost, for the refresh token: the stored one stays valid.
            _log.warning("the renewed pair was not stored; the stored one stays valid: %s", exc)
        return self._hold(received, access_token, age)

    def _hold(self, pair: Pair, access_token: str, age: float | None) -> Held:
        """Keep a pair whose access token is this old, in seconds; None if that is not known."""
        now = self.clock.monotonic()
        begin = now - (pair.expires_in if age is None else age)
        self.held = Held.since(begin, pair, access_token, chance=self.random())
        return self.held

    def _age(self, pair: Pair) -> float | None:
        """Return how old a stored pair is, unless the wall clock has been changed."""
        age = self.clock.wall() - pair.received_at
        return age if 0 <= age < pair.expires_in else None

    def _read(self) -> Pair | None:
        pair = self.store.read()
        if pair is not None and pair.server != self.server:
            raise StoreError(
                "the store holds a session of another server: choose another store, or log in"
            )
        return pair

    def _stored(self) -> Pair:
        if (pair := self._read()) is not None:
            return pair
        self.held = None
        raise SessionOver("not_logged_in")

    def _end(self, code: str) -> NoReturn:
        self.held = None
        try:
            self.store.clear()
        except StoreError as exc:
            _log.warning("the pair of an ended session was not deleted: %s", exc)
        raise SessionOver(code)

    def _read_pair(self, answer: Answer) -> Pair | None:
        return read_pair(answer, server=self.server, now=self.clock.wall())

    def _lock(self) -> Steps[None]:
        started = self.clock.monotonic()
        while not self.store.try_lock():
            if self.clock.monotonic() - started > LOCK_SECONDS:
                raise StoreError(
                    "another process has held the lock of the store for too long: end it, or try "
                    "again"
                )
            yield Wait(LOCK_PAUSE)
