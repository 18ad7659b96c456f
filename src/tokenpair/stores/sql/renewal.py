"""The one statement. `core.session.judge` is the rule; this carries out its successes.

Of the six verdicts, *advance*, *hold* and *repeat* match the row; for the others nothing
matches, and nothing changes. One text for SQLite and PostgreSQL: SQLite's RETURNING may name
only the updated table, hence the sub-selects.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tokenpair.core.claims import RefreshClaims
from tokenpair.core.session import Standing, Windows, hash_secret
from tokenpair.stores.sql.tables import UtcDateTime

_ADVANCING = "s.head <> :jti AND (s.generation < :gen - 1 OR s.rotated_at < :rotate_before)"

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_STATEMENT = f"""
UPDATE tokenpair_session AS s SET
  previous   = CASE WHEN {_ADVANCING} THEN :parent ELSE s.previous   END,
  generation = CASE WHEN {_ADVANCING} THEN :gen    ELSE s.generation END,
  rotated_at = CASE WHEN {_ADVANCING} THEN :now    ELSE s.rotated_at END,
  head       = CASE WHEN {_ADVANCING} THEN :jti    ELSE s.head       END,
  seen_at    = :now
FROM tokenpair_user AS u
-- The WHERE is the lock: of two racing updates the second sees what the first has written.
WHERE s.id = :sid AND s.user_id = :sub AND s.secret_hash = :secret_hash
  AND s.ended_at IS NULL AND s.expires_at > :now
  AND u.id = s.user_id AND u.disabled_at IS NULL
  AND (   (s.generation = :gen     AND s.head = :jti AND NOT :strict)  -- repeat
       OR (s.generation = :gen - 1 AND s.head = :parent)               -- advance or hold
       OR  s.generation < :gen - 1)                                    -- the row is behind
RETURNING user_id, head, rotated_at, expires_at, authenticated_at,
  (SELECT roles   FROM tokenpair_user WHERE tokenpair_user.id = user_id) AS roles,
  (SELECT version FROM tokenpair_user WHERE tokenpair_user.id = user_id) AS version
"""  # noqa: S608  Only our own constant is pasted in.

RENEW = (
    sa.text(_STATEMENT)
    .bindparams(
        sa.bindparam("sid", type_=sa.Uuid()),
        sa.bindparam("sub", type_=sa.Uuid()),
        sa.bindparam("secret_hash", type_=sa.LargeBinary()),
        sa.bindparam("jti", type_=sa.Text()),
        sa.bindparam("parent", type_=sa.Text()),
        sa.bindparam("gen", type_=sa.BigInteger()),
        sa.bindparam("now", type_=UtcDateTime()),
        sa.bindparam("rotate_before", type_=UtcDateTime()),
        sa.bindparam("strict", type_=sa.Boolean()),
    )
    .columns(
        sa.Column("user_id", sa.Uuid),
        sa.Column("head", sa.Text),
        sa.Column("rotated_at", UtcDateTime),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("authenticated_at", UtcDateTime),
        sa.Column("roles", sa.JSON),
        sa.Column("version", sa.Integer),
    )
)


def renewal_parameters(token: RefreshClaims, now: datetime, windows: Windows) -> dict[str, Any]:
    """Bind a verified token; nothing else of a renewal reaches the database."""
    return {
        "sid": token.session_id,
        "sub": token.subject,
        "secret_hash": hash_secret(token.secret),
        "jti": token.token_id,
        "parent": token.parent,
        "gen": token.generation,
        "now": now,
        # A head accepted before this moment gives way. Strict: every head does.
        "rotate_before": _END_OF_TIME if windows.strict else now - windows.superseded,
        "strict": windows.strict,
    }


def renewed_standing(row: sa.Row[*tuple[Any, ...]], token: RefreshClaims) -> Standing:
    """Read what RENEW returns; the WHERE has compared the rest with the token."""
    return Standing(
        session_id=token.session_id,
        user_id=row.user_id,
        secret_hash=hash_secret(token.secret),
        head=row.head,
        rotated_at=row.rotated_at,
        expires_at=row.expires_at,
        authenticated_at=row.authenticated_at,
        roles=frozenset(row.roles),
        version=row.version,
    )
