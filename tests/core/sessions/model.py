"""An explicit-state model checker for the renewal rule.

It drives the real `judge` and `advance` through every order of events that a small world allows,
breadth first, so that the trace to a broken promise is a shortest one.

A token is written as its line of descent: the first token of a session is "a", its derived child
"aa", fresh siblings of that child "ab", "ac", and so on. So a token's parent is all but its last
letter, its generation is its length, the root is "", and the same token is the same string.

Time goes in ticks: the repeat window W is one, the superseded window G is three. Ticks fall on
both boundaries exactly, and there is a moment before, between and beyond them. All ages beyond G
are one age, for no rule tells them apart.

Each world says what it bounds and what it exhausts. No world has the expiry of tokens and sessions,
or what the rule does not see: signatures and users.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from itertools import takewhile
from string import ascii_lowercase
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar
from uuid import UUID

from tokenpair.core.sessions.rule import (
    StoredSession,
    Verdict,
    Windows,
    advance,
    hash_secret,
    judge,
)
from tokenpair.core.tokens.claims import FullRefreshClaims

W = 1
G = 3
BEYOND = G + 1

# Three times the largest world. With a broken rule, states may never repeat.
MOST_STATES = 100_000

TICK = timedelta(seconds=1)
WINDOWS = Windows(repeat=W * TICK, superseded=G * TICK)
SERVED = frozenset({Verdict.ADVANCE, Verdict.HOLD, Verdict.REPEAT})

_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_YEAR = timedelta(days=365)
_ID = UUID(int=1)
_SECRET = bytes(16)
_SECRET_HASH = hash_secret(_SECRET)

Token: TypeAlias = str


class Promise(Enum):
    """What a way to renew may break."""

    NO_HONEST_LOGOUT = "an honest client never meets a replay"
    A_RETRY_SUCCEEDS = "the token in the store always renews"
    ONE_HEAD_PER_GENERATION = "the generation rises with every new head"
    THE_PAST_GETS_NO_PAIR = "a token that the session has moved past gets no pair"
    AN_END_IS_FINAL = "an ended session never lives again"
    A_THIEF_IS_FOUND_OUT = "once the owner has advanced twice, the thief never succeeds again"
    NO_409_FOR_EVER = "a token is put off in one generation at most, and for G at most"


class Row(NamedTuple):
    """What the rule reads and writes of a session's row, fresh from the log-in.

    `age` is the head's.
    """

    head: Token = ""
    previous: Token | None = None
    generation: int = 0
    age: int = BEYOND
    has_ended: bool = False

    def later(self, ticks: int) -> "Row":
        return self._replace(age=min(self.age + ticks, BEYOND))


def derived_within_the_window(token: Token, age: int, fresh: Token) -> Token:
    """Choose the child as the library does: the derived one within W, a fresh sibling later."""
    return token + "a" if age <= W else fresh


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to renew. The defaults are the library's own functions.

    `child` chooses from the token, the head's age, and a sibling that was never sent.
    """

    judge: Callable[[StoredSession, FullRefreshClaims, datetime, Windows], Verdict] = judge
    advance: Callable[[StoredSession, FullRefreshClaims, datetime], StoredSession] = advance
    windows: Windows = WINDOWS
    child: Callable[[Token, int, Token], Token] = derived_within_the_window


class Served(NamedTuple):
    """What the server made of a token: the verdict, the row after it, a promise it broke."""

    verdict: Verdict
    row: Row
    broken: Promise | None


@cache
def present(rule: Rule, row: Row, token: Token) -> Served:
    """Present `token` to the server: judge it, and carry the verdict out."""
    session, claims = _session(row), _claims(token)
    verdict = rule.judge(session, claims, _NOW, rule.windows)
    after = row
    if verdict is Verdict.REPLAY:
        after = row._replace(has_ended=True)
    if verdict is Verdict.ADVANCE:
        moved = rule.advance(session, claims, _NOW)
        age = min((_NOW - moved.rotated_at) // TICK, BEYOND)
        after = Row(moved.head, moved.previous, moved.generation, age)
    return Served(verdict, after, _broken_by(row, token, verdict, after))


def _broken_by(row: Row, token: Token, verdict: Verdict, after: Row) -> Promise | None:
    """Return the promise that this breaks, if any, for every client that may present the token."""
    if row.has_ended and verdict is not Verdict.ENDED:
        return Promise.AN_END_IS_FINAL
    if after.head != row.head and after.generation <= row.generation:
        return Promise.ONE_HEAD_PER_GENERATION
    if verdict in SERVED and len(token) <= row.generation and token != row.head:
        return Promise.THE_PAST_GETS_NO_PAIR
    if verdict is Verdict.SUPERSEDED and row.age > G:
        return Promise.NO_409_FOR_EVER
    return None


def answer(rule: Rule, served: Served, token: Token, known: Iterable[Token]) -> Token | None:
    """Return the refresh token of the answer, if any. `known` tokens are not fresh."""
    if served.verdict not in SERVED:
        return None
    if served.verdict is Verdict.HOLD:
        return token
    known = tuple(known)
    siblings = (token + letter for letter in ascii_lowercase[1:])
    fresh = next(one for one in siblings if not any(each.startswith(one) for each in known))
    return rule.child(token, served.row.age, fresh)


S = TypeVar("S")


class Step(NamedTuple, Generic[S]):
    """An event, told for the trace, and the state it leads to."""

    event: str
    state: S
    verdict: Verdict | None = None
    broken: Promise | None = None


class World(Protocol[S]):
    """States, which are hashable and equal if nothing can tell them apart, and their steps."""

    @property
    def start(self) -> S: ...

    def steps(self, state: S) -> Iterator[Step[S]]: ...


class Exploration(NamedTuple):
    """The result: all of a world, or the shortest way to a broken promise."""

    states: int
    verdicts: frozenset[Verdict]
    broken: Promise | None = None
    trace: tuple[str, ...] = ()


def explore(world: World[S]) -> Exploration:
    """Visit every state that can be reached, nearest first, until a promise breaks.

    Raises `OverflowError` for a world without an end.
    """
    reached_by: dict[S, tuple[S, str] | None] = {world.start: None}
    verdicts: set[Verdict] = set()
    queue = deque([world.start])
    while queue:
        if len(reached_by) > MOST_STATES:
            raise OverflowError("too many states")
        state = queue.popleft()
        for step in world.steps(state):
            if step.verdict:
                verdicts.add(step.verdict)
            if step.broken:
                trace = [step.event]
                while came_from := reached_by[state]:
                    state, event = came_from
                    trace.append(event)
                found = tuple(reversed(trace))
                return Exploration(len(reached_by), frozenset(verdicts), step.broken, found)
            if step.state not in reached_by:
                reached_by[step.state] = state, step.event
                queue.append(step.state)
    return Exploration(len(reached_by), frozenset(verdicts))


class Network(NamedTuple):
    """An honest client's store, and what is under way between it and the server.

    `requests` are tokens with the age of their youngest copy; `answers` are tokens. `past` are
    the row's earlier states, as long as it may go back to them `roll_backs` times more. `waiting`
    is the token of a request, of any age, in a socket of a worker that stands still; `stops` more
    may do so.
    """

    store: Token = "a"
    row: Row = Row()
    requests: frozenset[tuple[Token, int]] = frozenset()
    answers: frozenset[Token] = frozenset()
    past: frozenset[Row] = frozenset()
    roll_backs: int = 0
    waiting: Token | None = None
    stops: int = 0


@dataclass(frozen=True, kw_only=True)
class HonestWorld:
    """One token store and any number of tabs that share it, on a bad network.

    At any moment a tab may read the store and send what it holds. While a request is under way,
    which is at most G, it may arrive at any moment and any number of times; an answer may arrive
    at any later moment, or never. The tab writes it only if the store still holds the token that
    was presented, unless `compares` is off.

    Exhausted: any number of tabs, requests, copies, retries, losses and waits; and without
    roll-backs and stops any number of renewals, for tokens are told from their common ancestor on
    (in a trace, too, their names start again). Bounded: three different answers under way at once;
    with roll-backs or stops, these and `generations`.

    A roll-back comes at any moment, and goes to any earlier state of the row. With `is_cleared`
    it leaves no copy of a token under way that is older than the head was: such a copy may come
    after the next renewal, and the row has forgotten that it was young.

    A request may also come to a worker that stands still, and be served at any later moment, when
    that goes on. Such a worker calls nothing a replay, unless `is_careful` is off.
    """

    rule: Rule
    compares: bool = True
    roll_backs: int = 0
    generations: int = 4
    is_cleared: bool = True
    stops: int = 0
    is_careful: bool = True

    @property
    def start(self) -> Network:
        return Network(roll_backs=self.roll_backs, stops=self.stops)

    @property
    def is_bounded(self) -> bool:
        return self.roll_backs > 0 or self.stops > 0

    def steps(self, state: Network) -> Iterator[Step[Network]]:
        yield self._step("wait", _later(state))
        if not self.is_bounded or len(state.store) <= self.generations:
            sent = frozenset(r for r in state.requests if r[0] != state.store)
            yield self._step(
                f"send {state.store}", state._replace(requests=sent | {(state.store, 0)})
            )
        for token, _ in state.requests:
            yield self._arrive(state, token)
        for token in state.answers:
            answers = frozenset() if self.compares else state.answers - {token}
            yield self._step(f"store {token}", state._replace(store=token, answers=answers))
        if state.roll_backs:
            yield from (self._roll_back(state, row) for row in state.past)
        if state.stops and state.waiting is None:
            waiting = state._replace(waiting=state.store, stops=state.stops - 1)
            yield self._step(f"send {state.store} to a worker that stands still", waiting)
        if state.waiting is not None:
            yield self._arrive_late(state, state.waiting)

    def _arrive_late(self, state: Network, token: Token) -> Step[Network]:
        step = self._arrive(state._replace(waiting=None), token)
        if step.verdict is Verdict.REPLAY and self.is_careful:
            return self._step(f"{token} arrives late: 503", state._replace(waiting=None))
        return step

    def _arrive(self, state: Network, token: Token) -> Step[Network]:
        served = present(self.rule, state.row, token)
        answers = state.answers
        given = answer(self.rule, served, token, _tokens(state))
        is_kept = token == state.store if self.compares else True
        if given and is_kept and given != state.store and len(answers | {given}) <= 3:
            answers |= {given}
        past = state.past
        if state.roll_backs and served.row != state.row:
            past |= {state.row}
        after = state._replace(row=served.row, answers=answers, past=past)
        return self._step(
            f"{token} arrives: {served.verdict.value}",
            after,
            served.verdict,
            served.broken or self._broken(state, token, served.verdict),
        )

    @staticmethod
    def _broken(state: Network, token: Token, verdict: Verdict) -> Promise | None:
        if verdict in {Verdict.REPLAY, Verdict.ENDED}:
            return Promise.NO_HONEST_LOGOUT
        if token == state.store and verdict not in SERVED:
            return Promise.A_RETRY_SUCCEEDS
        return None

    def _roll_back(self, state: Network, row: Row) -> Step[Network]:
        requests = state.requests
        if self.is_cleared:
            requests = frozenset(r for r in requests if len(r[0]) >= len(state.row.head))
        left = state.roll_backs - 1
        after = state._replace(row=row, requests=requests, roll_backs=left)
        return self._step(f"roll back to {row.head!r}", after._replace(past=_earlier(after)))

    def _step(
        self,
        event: str,
        state: Network,
        verdict: Verdict | None = None,
        broken: Promise | None = None,
    ) -> Step[Network]:
        return Step(event, state if self.is_bounded else _rebased(state), verdict, broken)


def _later(state: Network) -> Network:
    return state._replace(
        row=state.row.later(1),
        requests=frozenset((token, age + 1) for token, age in state.requests if age < G),
        past=frozenset(row.later(1) for row in state.past),
    )


def _earlier(state: Network) -> frozenset[Row]:
    """Return what remains of the row's past after a roll-back, if another one is allowed."""
    if not state.roll_backs:
        return frozenset()
    return frozenset(row for row in state.past if row.generation < state.row.generation)


def _tokens(state: Network) -> list[Token]:
    known = [state.store, state.row.head, *state.answers]
    known += (token for token, _ in state.requests)
    known += (row.head for row in state.past)
    known += [state.waiting] if state.waiting else []
    return known


def _rebased(state: Network) -> Network:
    """Tell all tokens from their youngest common ancestor on: no rule looks further back."""
    row = state.row
    if row.previous is None:
        return state
    # One letter stays, for an empty name would be its own parent.
    columns = zip(row.previous, *_tokens(state), strict=False)
    shared = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, columns))
    base = max(shared - 1, 0)
    return state._replace(
        store=state.store[base:],
        row=row._replace(
            head=row.head[base:], previous=row.previous[base:], generation=row.generation - base
        ),
        requests=frozenset((token[base:], age) for token, age in state.requests),
        answers=frozenset(token[base:] for token in state.answers),
    )


class Theft(NamedTuple):
    """What the owner and the thief hold, and how long ago, up to W and beyond, each renewed.

    `advances` counts the owner's since the theft, up to two. `put_off` is the generation in
    which the owner's token was last answered with 409.
    """

    owner: Token = "a"
    row: Row = Row()
    loot: frozenset[Token] = frozenset()
    since_owner: int = W + 1
    since_thief: int = W + 1
    advances: int = 0
    put_off: int | None = None


@dataclass(frozen=True, kw_only=True)
class ThiefWorld:
    """An owner, and a thief who copies the owner's store once, at any moment.

    The owner loses any answers and retries at any moment. The thief keeps every token, and
    presents any of them at any moment. Unless `is_spaced` is off, the two never renew within W
    of each other.

    Exhausted: any waits, losses and retries, in any order. Bounded: `generations`; and of the
    fresh siblings of one token, which are all alike to him, the thief keeps one.
    """

    rule: Rule
    is_spaced: bool = True
    generations: int = 4

    @property
    def start(self) -> Theft:
        return Theft()

    def steps(self, state: Theft) -> Iterator[Step[Theft]]:
        if not state.row.has_ended:
            yield from (Step(f"wait {ticks}", _after(state, ticks)) for ticks in (1, BEYOND))
        if not state.loot:
            yield Step(f"steal {state.owner}", state._replace(loot=frozenset({state.owner})))
        if self._may_renew(state.owner, state.since_thief):
            yield from self._owner(state)
        for token in state.loot:
            if self._may_renew(token, state.since_owner):
                yield self._thief(state, token)

    def _may_renew(self, token: Token, since_the_other: int) -> bool:
        return len(token) <= self.generations and (since_the_other > W or not self.is_spaced)

    def _owner(self, state: Theft) -> Iterator[Step[Theft]]:
        served = present(self.rule, state.row, state.owner)
        advances, put_off, broken = state.advances, state.put_off, served.broken
        if served.verdict is Verdict.ADVANCE and state.loot:
            advances = min(advances + 1, 2)
        if served.verdict is Verdict.SUPERSEDED:
            if put_off not in {None, state.row.generation}:
                broken = Promise.NO_409_FOR_EVER
            put_off = state.row.generation
        event = f"owner presents {state.owner}: {served.verdict.value}"
        after = state._replace(row=served.row, since_owner=0, advances=advances, put_off=put_off)
        # The answer is lost, or there is none.
        yield Step(event, after, served.verdict, broken)
        known = [state.row.head, state.owner, *state.loot]
        if given := answer(self.rule, served, state.owner, known):
            kept = after._replace(owner=given, put_off=None)
            yield Step(f"{event}, gets {given}", kept, served.verdict, broken)

    def _thief(self, state: Theft, token: Token) -> Step[Theft]:
        served = present(self.rule, state.row, token)
        broken = served.broken
        if state.advances == 2 and served.verdict in SERVED:
            broken = Promise.A_THIEF_IS_FOUND_OUT
        given = answer(self.rule, served, token, [state.row.head, state.owner])
        loot = state.loot | {given} if given else state.loot
        after = state._replace(row=served.row, loot=loot, since_thief=0)
        return Step(
            f"thief presents {token}: {served.verdict.value}", after, served.verdict, broken
        )


def _after(state: Theft, ticks: int) -> Theft:
    return state._replace(
        row=state.row.later(ticks),
        since_owner=min(state.since_owner + ticks, W + 1),
        since_thief=min(state.since_thief + ticks, W + 1),
    )


def _session(row: Row) -> StoredSession:
    return StoredSession(
        id=_ID,
        user_id=_ID,
        secret_hash=_SECRET_HASH,
        head=row.head,
        previous=row.previous,
        generation=row.generation,
        rotated_at=_NOW - row.age * TICK,
        authenticated_at=_NOW - _YEAR,
        created_at=_NOW - _YEAR,
        seen_at=_NOW - row.age * TICK,
        expires_at=_NOW + _YEAR,
        ended_at=_NOW if row.has_ended else None,
    )


def _claims(token: Token) -> FullRefreshClaims:
    return FullRefreshClaims(
        subject=_ID,
        session_id=_ID,
        token_id=token,
        parent=token[:-1],
        generation=len(token),
        secret=_SECRET,
        issued_at=_NOW - _YEAR,
        expires_at=_NOW + _YEAR,
    )
