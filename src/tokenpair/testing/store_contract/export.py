"""Contract of `ports.Export`, and of `ports.Users.delete`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio

from tokenpair.core.accounts.export import EXPORTED
from tokenpair.core.accounts.user import User
from tokenpair.core.mail import OutboxMail
from tokenpair.core.sessions.rule import EndReason, StoredSession
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.one_time import make_one_time_token
from tokenpair.testing.store_contract.outbox import make_mail
from tokenpair.testing.store_contract.samples import (
    HASH,
    HOUR,
    NOW,
    SECRET,
    keep,
    make_session,
    make_user,
    waits,
)

_NOTHING: dict[str, list[object]] = {name: [] for name in EXPORTED}


async def _keep_all(storage: Storage, user: User, *sessions: StoredSession) -> OutboxMail:
    """Store a user with a row in each table."""
    mail = make_mail(user_id=user.id)
    await keep(storage, user, *sessions)
    async with storage.begin() as tx:
        await tx.one_time.put(make_one_time_token(user_id=user.id))
        await tx.outbox.add(mail)
    return mail


class ExportPromises:
    """Everything that is stored about one user, and no other: exported, and deleted."""

    async def test_an_export_has_every_row_of_the_user(self, storage: Storage) -> None:
        user = make_user("Ada@example.com", roles=frozenset({"b", "a"}), profile={"name": "Ada"})
        other = make_user("eve@example.com")
        ended = make_session(user, ended_at=NOW, end_reason=EndReason.LOGOUT)
        live = make_session(user, amr=frozenset({"pwd", "otp"}), ip="203.0.113.7")
        mail = await _keep_all(storage, user, ended, live)
        await _keep_all(storage, other, make_session(other))

        async with storage.reading() as look:
            rows = await look.export.rows(user.id)

        assert {name: [tuple(row) for row in found] for name, found in rows.items()} == {
            name: [columns] * (2 if name == "tokenpair_session" else 1)
            for name, columns in EXPORTED.items()
        }
        (account,), sessions = rows["tokenpair_user"], rows["tokenpair_session"]
        (token,), (waiting,) = rows["tokenpair_one_time"], rows["tokenpair_outbox"]
        assert account == account | {
            "id": user.id,
            "email": "Ada@example.com",
            "email_canonical": "ada@example.com",
            "roles": ["a", "b"],
            "profile": {"name": "Ada"},
            "credential_version": 0,
            "created_at": user.created_at,
            "disabled_at": None,
        }
        assert [(row["id"], row["amr"], row["end_reason"], row["ip"]) for row in sessions] == [
            (ended.id, [], "logout", None),
            (live.id, ["otp", "pwd"], None, "203.0.113.7"),
        ]
        assert (token["purpose"], token["address"]) == ("reset_password", "Ada@example.com")
        assert (waiting["id"], waiting["purpose"]) == (mail.id, mail.purpose.value)

    async def test_an_export_has_the_rows_of_an_invitation_after_the_users(
        self, storage: Storage
    ) -> None:
        user, invitation = make_user(), uuid7()
        await _keep_all(storage, user)
        async with storage.begin() as tx:
            await tx.one_time.put(make_one_time_token(user_id=invitation))
            await tx.outbox.add(make_mail(user_id=invitation))

        async with storage.reading() as look:
            rows = await look.export.rows(user.id, invitation)

        owners = {name: [row.get("user_id") for row in found] for name, found in rows.items()}
        assert owners == {
            "tokenpair_user": [None],
            "tokenpair_session": [],
            "tokenpair_one_time": [user.id, invitation],
            "tokenpair_outbox": [user.id, invitation],
        }

    async def test_an_export_has_no_secret(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await _keep_all(storage, user, session)

        async with storage.reading() as look:
            rows = await look.export.rows(user.id)

        text = str(rows)
        for secret in (HASH, session.secret_hash, SECRET, "'t4'", "'t5'"):
            assert str(secret) not in text

    async def test_an_unknown_user_has_no_rows(self, storage: Storage) -> None:
        async with storage.reading() as look:
            rows = await look.export.rows(uuid7())

        assert rows == _NOTHING

    async def test_of_a_deleted_user_nothing_is_left(self, storage: Storage) -> None:
        user, other = make_user(), make_user("eve@example.com")
        await _keep_all(storage, user, make_session(user))
        await _keep_all(storage, other, make_session(other))

        async with storage.begin() as tx:
            await tx.users.lock(user.id)
            answers = [await tx.users.delete(user.id), await tx.users.delete(user.id)]

        async with storage.reading() as look:
            left = await look.export.rows(user.id)
            others = await look.export.rows(other.id)
            found = await look.users.by_email(user.email)
        assert answers == [True, False]
        assert left == _NOTHING
        assert found is None
        assert all(others.values())

    async def test_a_token_that_is_made_meanwhile_is_deleted_too(self, storage: Storage) -> None:
        """Delivery makes the token of a mail in the transaction that claims the mail."""
        user = make_user()
        mail = make_mail(user_id=user.id)
        await keep(storage, user)
        async with storage.begin() as tx:
            await tx.outbox.add(mail)

        async def delete() -> None:
            async with storage.begin() as tx:
                await tx.users.lock(user.id)
                await tx.users.delete(user.id)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            assert await tx.outbox.claim(user.id, mail.id, now=NOW, until=NOW + HOUR)
            deletion = tasks.create_task(delete())
            waited = await waits(deletion)
            await tx.one_time.put(make_one_time_token(user_id=user.id))

        async with storage.reading() as look:
            left = await look.export.rows(user.id)
        assert waited
        assert left == _NOTHING
