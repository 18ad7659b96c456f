"""Users, sessions and tokens for the contract, and for tests of your own."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.sessions.rule import (
    Session,
    StoredSession,
    Verdict,
    Windows,
    advance,
    hash_secret,
)
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.ids import uuid7
from tokenpair.ports import Storage

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
"""Present time in all tests of the contract."""

SECRET = bytes(range(16))
"""Secret of every session of `make_session`, in every token of `make_token`."""

HASH = "hash-1"
"""Password hash that `keep` stores by default."""

FORGIVING = Windows()
"""Default windows."""

STRICT = Windows(strict=True)
"""Strict windows: each token renews once."""

G = FORGIVING.superseded
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

_WAITS_SECONDS = 0.1
"""Time after which a task counts as waiting, in seconds.

If it is too short, a broken storage passes now and then. A correct storage never fails by it.
"""


def make_user(email: str = "ada@example.com", **changes: Any) -> User:  # noqa: ANN401
    """Return a user without roles; `changes` replace fields."""
    user = User(
        id=uuid7(),
        email=EmailAddress.parse(email),
        created_at=NOW - 30 * HOUR,
    )
    return replace(user, **changes)


def make_session(user: User, **changes: Any) -> StoredSession:  # noqa: ANN401
    """Return a session of generation 5 that rotated an hour ago: head "t5", previous "t4"."""
    session = StoredSession(
        id=uuid7(),
        user_id=user.id,
        secret_hash=hash_secret(SECRET),
        head="t5",
        previous="t4",
        generation=5,
        rotated_at=NOW - HOUR,
        authenticated_at=NOW - 20 * HOUR,
        created_at=NOW - 20 * HOUR,
        seen_at=NOW - HOUR,
        expires_at=NOW + 100 * HOUR,
    )
    return replace(session, **changes)


def make_token(session: StoredSession, name: str = "t6", **changes: Any) -> FullRefreshClaims:  # noqa: ANN401
    """Return the token "tN" of generation N, a child of "tN-1". A session accepts "t6" next."""
    generation = int(name[1:])
    token = FullRefreshClaims(
        subject=session.user_id,
        session_id=session.id,
        token_id=name,
        parent=f"t{generation - 1}",
        generation=generation,
        secret=SECRET,
        issued_at=NOW,
        expires_at=NOW + 7 * 24 * HOUR,
    )
    return replace(token, **changes)


async def keep(
    storage: Storage, user: User, *sessions: StoredSession, password_hash: str | None = HASH
) -> None:
    """Store a user with a password hash and sessions."""
    async with storage.begin() as tx:
        await tx.users.add(StoredUser(user=user, password_hash=password_hash))
        for session in sessions:
            await tx.sessions.add(session)


async def read_user(storage: Storage, user: User) -> User | None:
    """Return the user as it is stored now, or None."""
    async with storage.reading() as look:
        return await look.users.get(user.id)


async def read_password_hash(storage: Storage, user: User) -> str | None:
    """Return the password hash as it is stored now, or None."""
    async with storage.begin() as tx:
        found = await tx.users.lock(user.id)
    return found.password_hash if found else None


async def read_session(storage: Storage, session: Session | StoredSession) -> StoredSession | None:
    """Return the session as it is stored now, or None."""
    async with storage.begin() as tx:
        found = await tx.sessions.lock(session.user_id, session.id)
    return found[0] if found else None


def carried_out(
    session: StoredSession, verdict: Verdict, token: FullRefreshClaims
) -> StoredSession:
    """Return the session that `renew` at `NOW` must store, by the pure rule."""
    match verdict:
        case Verdict.ADVANCE:
            return advance(session, token, NOW)
        case Verdict.HOLD | Verdict.REPEAT:
            return replace(session, seen_at=NOW)
        case _:
            return session


async def waits(task: asyncio.Task[Any]) -> bool:
    """Return whether a task waits for another unit of work."""
    done, _ = await asyncio.wait({task}, timeout=_WAITS_SECONDS)
    return not done
