"""A migration changes the tables while a worker answers requests."""

import asyncio
from collections import Counter
from typing import LiteralString

import psycopg
import pytest

from tests.faults.worker import working
from tests.http.conftest import bearer
from tokenpair import Key, Keyring
from tokenpair.testing import PASSWORD, a_user

DDL: tuple[LiteralString, ...] = (
    "ALTER TABLE tokenpair_user ADD COLUMN extra text",
    "ALTER TABLE tokenpair_session ALTER COLUMN user_agent TYPE varchar(256)",
    "ALTER TABLE tokenpair_user ALTER COLUMN email TYPE varchar(400)",
    "ALTER TABLE tokenpair_user ALTER COLUMN version TYPE bigint",
    "ALTER TABLE tokenpair_session ALTER COLUMN head TYPE varchar(100)",
    "ALTER TABLE tokenpair_session DROP CONSTRAINT tokenpair_session_pkey, "
    "ADD CONSTRAINT tokenpair_session_pkey PRIMARY KEY (user_id, id)",
)


@pytest.mark.parametrize("ddl", DDL)
async def test_a_change_of_the_tables_is_no_error_of_the_server(busy_url: str, ddl: str) -> None:
    async with working(busy_url, Keyring([Key.generate()])) as worker:
        user = await a_user(worker.auth)
        credentials = {"email": user.email.typed, "password": PASSWORD}
        answered: Counter[int] = Counter()

        async def ask() -> None:
            answer = await worker.client.post("/auth/login", json=credentials)
            answers = [answer]
            if answer.status_code == 200:
                headers = bearer(answer.json()["access_token"])
                answers += await asyncio.gather(
                    *(
                        worker.client.get(f"/auth/{what}", headers=headers)
                        for what in ("me", "sessions")
                    ),
                    worker.renew(answer.json()["refresh_token"]),
                )
            answered.update(each.status_code for each in answers)
            for each in answers:
                assert each.status_code != 503 or "retry-after" in each.headers

        await asyncio.gather(*(ask() for _ in range(8)))
        assert set(answered) == {200}
        with psycopg.connect(busy_url, autocommit=True) as connection:
            connection.execute(ddl)
        for _ in range(3):
            await asyncio.gather(*(ask() for _ in range(4)))
        during = set(answered)
        answered.clear()
        await asyncio.gather(*(ask() for _ in range(8)))

    assert during <= {200, 503}
    assert set(answered) == {200}
