"""Fill a database with users and sessions, and make refresh tokens for them.

The rows are written directly, because a million log-ins would take a day. The ids of user and
session number N end in N, and all sessions have the same secret.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from tokenpair.core.sessions.rule import hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec

SECRET = bytes(range(16))
_SESSION = "019a0000-0000-7000-8000-"
_USER = "019a0000-0000-7000-9000-"

_USERS = """
INSERT INTO tokenpair_user (id, email, email_canonical, roles, version, profile, created_at)
SELECT {user}, 'u' || n || '@example.com', 'u' || n || '@example.com', '[]', 1, '{{}}', {past}
FROM {numbers}
"""
_SESSIONS = """
INSERT INTO tokenpair_session (id, user_id, secret_hash, head, generation, rotated_at,
  authenticated_at, created_at, seen_at, expires_at, user_agent, ip)
SELECT {session}, {user}, {secret_hash}, 'AAAAAAAAAAAAAAAAAAAAAA', 0, {past},
  {past}, {past}, {past}, {future},
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', '192.0.2.1'
FROM {numbers}
"""


def fill(url: str, sessions: int) -> None:
    """Write as many users as `sessions`, each with one session. The tables must exist."""
    now = datetime.now(UTC).replace(tzinfo=None)
    past, future = (f"'{now + timedelta(days=days)}'" for days in (-1, 29))
    secret_hash = hash_secret(SECRET).hex()
    if url.startswith("sqlite"):
        numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {})"
        words = {
            "user": f"printf('{_USER.replace('-', '')}%012x', n)",
            "session": f"printf('{_SESSION.replace('-', '')}%012x', n)",
            "numbers": f"({numbers.format(sessions)} SELECT n FROM c)",
            "secret_hash": f"x'{secret_hash}'",
        }
    else:
        words = {
            "user": f"('{_USER}' || lpad(to_hex(n), 12, '0'))::uuid",
            "session": f"('{_SESSION}' || lpad(to_hex(n), 12, '0'))::uuid",
            "numbers": f"generate_series(1, {sessions}) AS n",
            "secret_hash": rf"'\x{secret_hash}'::bytea",
        }
    statements = [each.format(past=past, future=future, **words) for each in (_USERS, _SESSIONS)]
    if url.startswith("sqlite"):
        _fill_sqlite(url, statements)
    else:
        _fill_postgresql(url, statements)


def _fill_sqlite(url: str, statements: list[str]) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        with connection:
            for each in statements:
                connection.execute(each)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgresql(url: str, statements: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for each in statements:
            connection.execute(each.encode())
        # Otherwise, autovacuum would do this soon, during the measurement.
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def refresh_tokens(codec: Codec, numbers: Iterable[int], *, generation: int) -> list[str]:
    """Make a refresh token for each of these sessions.

    Their `generation` must be ahead of the rows', as if the database had lost its last writes in a
    crash. So they are accepted no matter what was renewed before.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    return [
        codec.encode(
            FullRefreshClaims(
                subject=UUID(f"{_USER}{number:012x}"),
                session_id=UUID(f"{_SESSION}{number:012x}"),
                token_id=f"{generation:011d}{number:011d}",  # As long as a real token id.
                parent=f"{generation - 1:011d}{number:011d}",
                generation=generation,
                secret=SECRET,
                issued_at=now,
                expires_at=now + timedelta(days=7),
            )
        )
        for number in numbers
    ]
