"""The two statements that renew sessions on PostgreSQL: for one token, and for many.

Both are made of the same texts of `stores.sql.renewal`, so they follow the same rule.
"""

from collections.abc import Sequence
from typing import Any

from tokenpair.stores.sql.renewal import CHANGES, CONDITION, renewing, spelled
from tokenpair.stores.sql.session_state import RETURNING_JOINED

_TYPES = {
    "jti": "text",
    "gen": "bigint",
    "rotate_before": "timestamptz",
    "parent": "text",
    "now": "timestamptz",
    "sid": "uuid",
    "sub": "uuid",
    "secret_hash": "bytea",
    "strict": "boolean",
}
PARAMETERS = tuple(_TYPES)
"""The names of the parameters, in the order of their numbers."""
SESSION_ID = PARAMETERS.index("sid")
"""Place of the session's id among the arguments of a renewal."""

Arguments = tuple[object, ...]
"""The values of a renewal's `PARAMETERS`."""
Row = Sequence[Any]
"""What a renewal returns of its session and user."""

_NUMBERS = {name: f"${number}" for number, name in enumerate(PARAMETERS, start=1)}
_ARRAYS = ", ".join(f"{_NUMBERS[name]}::{kind}[]" for name, kind in _TYPES.items())


def _of_token(name: str) -> str:
    return f"t.{name}"


RENEW_ONE = spelled(renewing(RETURNING_JOINED), _NUMBERS.__getitem__)
"""Renews the session of one token. Waits for its row if another transaction has locked it."""

# The sub-select takes the locks, and skips rows that are locked already. So a batch never waits for
# a row, and no order is needed. The UPDATE alone would wait, in the order of its plan: two
# batches could then deadlock, even if the arrays were sorted.
RENEW_MANY = f"""
UPDATE tokenpair_session AS s SET {spelled(CHANGES, _of_token)}
FROM tokenpair_user AS u, (
  SELECT token.*
  FROM unnest({_ARRAYS}) WITH ORDINALITY AS token({", ".join(PARAMETERS)}, number)
  JOIN tokenpair_session AS locked ON locked.user_id = token.sub AND locked.id = token.sid
  FOR NO KEY UPDATE OF locked SKIP LOCKED
) AS t
WHERE {spelled(CONDITION, _of_token)}
RETURNING {RETURNING_JOINED}, t.number
"""  # noqa: S608  Contains only our own constants.
"""Renews the sessions of many tokens, which must not have a session in common.

Each parameter is an array with one element for each token. Each row ends with its token's number,
from 1. A token without a row is not renewed, or its session was locked by another transaction.
"""

FIXED_PLAN = (
    "SET plan_cache_mode = force_generic_plan; "
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)
"""Settings for the connections that use `RENEW_MANY`.

It is planned once, and finds each session and user by the primary key. Otherwise a connection that
planned it for an empty table would read the whole table for each batch, until the next ANALYZE.
"""
