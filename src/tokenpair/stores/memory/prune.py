"""Removes the rows in memory that are no longer needed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tokenpair.core.mail import OUTBOX_KEPT, OutboxMail
from tokenpair.core.one_time import TOKEN_KEPT
from tokenpair.core.sessions.revocation import KEPT
from tokenpair.core.sessions.rule import SESSION_KEPT
from tokenpair.stores.memory.tables import Tables


def prune(tables: Tables, now: datetime, limit: int) -> int:
    """Do what `Storage.prune` promises, on the tables themselves."""
    clock = min(now, datetime.now(UTC))
    sessions, mails, tokens = tables.sessions, tables.mails, tables.one_time

    def remove(
        rows: dict[Any, Any], moments: Mapping[Any, datetime | None], kept: timedelta
    ) -> int:
        over = {key: at for key, at in moments.items() if at and at < clock - kept}
        oldest = sorted(over, key=over.__getitem__)[:limit]
        for key in oldest:
            del rows[key]
        return len(oldest)

    def due_since(mail: OutboxMail) -> datetime | None:
        is_claimed = mail.claimed_until is not None and mail.claimed_until > now
        return None if is_claimed else mail.due_at

    removed = remove(sessions, {key: s.expires_at for key, s in sessions.items()}, SESSION_KEPT)
    removed += remove(sessions, {key: s.ended_at for key, s in sessions.items()}, SESSION_KEPT)
    removed += remove(tokens, {key: each.expires_at for key, each in tokens.items()}, TOKEN_KEPT)
    removed += remove(mails, {key: due_since(each) for key, each in mails.items()}, OUTBOX_KEPT)
    revocations = tables.revocations
    until = {number: each.until for number, each in revocations.items()}
    return removed + remove(revocations, until, KEPT)
