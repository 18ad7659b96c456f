"""What an export of an account contains, by table and column, and what it leaves out and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokenpair.core.mail import MailPurpose
from tokenpair.core.one_time import Purpose

Rows = Mapping[str, list[dict[str, Any]]]
"""Rows by table, each with its columns by name."""

EXPORTED: Mapping[str, tuple[str, ...]] = {
    "tokenpair_user": (
        *("id", "email", "email_canonical", "email_verified_at", "roles", "version", "profile"),
        *("credential_version", "created_at", "disabled_at"),
    ),
    "tokenpair_session": (
        *("id", "user_id", "authenticated_at", "amr", "created_at", "seen_at", "rotated_at"),
        *("generation", "expires_at", "ended_at", "end_reason", "user_agent", "ip"),
    ),
    "tokenpair_one_time": (
        *("user_id", "purpose", "address", "credential_version", "data"),
        *("created_at", "expires_at"),
    ),
    "tokenpair_outbox": (
        *("user_id", "id", "purpose", "address", "data", "created_at", "due_at", "attempts"),
        "claimed_until",
    ),
}
"""Columns that an export contains, of the rows that name the user.

Of one-time tokens and mails, also those of an invitation that was mailed to the user's address.
"""

LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "tokenpair_user": {"password_hash": "an attacker could guess the password with it"},
    "tokenpair_session": {
        "secret_hash": "a hash of the session's secret",
        "head": "the id of a token",
        "previous": "the id of a token",
    },
    "tokenpair_one_time": {"token_hash": "a hash of a token"},
}
"""Columns of the same tables that no export contains, with the reason."""

_TELLS_OF_ACCOUNTS = (
    "is stored only if the new address is free, so it would tell which addresses have an account"
)

LEFT_OUT_ROWS: Mapping[str, Mapping[Purpose | MailPurpose, str]] = {
    "tokenpair_one_time": {Purpose.CHANGE_EMAIL: _TELLS_OF_ACCOUNTS},
    "tokenpair_outbox": {MailPurpose.CHANGE_EMAIL: _TELLS_OF_ACCOUNTS},
}
"""Rows of the same tables that no export contains, by their purpose, with the reason."""

LEFT_OUT_TABLES: Mapping[str, str] = {
    "tokenpair_revocation": "repeats for the workers what the session's row says: when it ended",
    "tokenpair_limit": "names no user: its keys are hashes",
    "tokenpair_setting": "has no data about users",
}
"""Tables that no export reads, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountExport:
    """What is stored about a user, without secrets. Hashes and the ids of tokens are secrets.

    A change of address that waits to be confirmed is left out, too: it would tell whether another
    account has the new address.

    `contents` names the tables and columns that `data` has, also those without a row. Values are
    text, numbers, booleans, None, `UUID`, `datetime`, and lists and dictionaries of these.
    """

    exported_at: datetime
    contents: Mapping[str, tuple[str, ...]]
    data: Rows


def without_left_out(rows: Rows) -> Rows:
    """Return the rows but for those in `LEFT_OUT_ROWS`."""
    hidden = {table: {each.value for each in found} for table, found in LEFT_OUT_ROWS.items()}
    return {
        table: [each for each in found if each.get("purpose") not in hidden.get(table, ())]
        for table, found in rows.items()
    }
