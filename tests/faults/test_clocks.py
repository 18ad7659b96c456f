"""A worker with its clock two minutes off: what breaks, and that it is noticed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bookly.app import create_app
from tests.bookly.conftest import make_settings
from tests.faults.worker import FOR_EVER, Worker, working
from tests.http.conftest import talking_to
from tokenpair import Key, Keyring
from tokenpair.pace import utc_now
from tokenpair.testing import FakeClock, a_user, login_as

OFF = timedelta(minutes=2)


@pytest.fixture(params=[timedelta(0), OFF], ids=["right", "two-minutes-fast"])
def off(request: pytest.FixtureRequest) -> timedelta:
    found: timedelta = request.param
    return found


@pytest.fixture
async def workers(busy_url: str, off: timedelta) -> AsyncIterator[list[Worker]]:
    """Return one worker with the right time, and one with a clock that may be off.

    What they know of the revocations stays current: else no token is called a replay.
    """
    now, keyring = datetime.now(UTC), Keyring([Key.generate()])
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                working(busy_url, keyring, clock=FakeClock(moment), poll=FOR_EVER)
            )
            for moment in (now, now + off)
        ]


async def test_two_tabs_at_workers_with_different_clocks_end_their_session(
    workers: list[Worker], off: timedelta
) -> None:
    """The tabs get different tokens: for one worker, the other's renewal is long ago."""
    here, _ = workers
    token = (await login_as(here.auth, await a_user(here.auth))).refresh_token

    pairs = [(await worker.renew(token)).json() for worker in workers]
    for worker in workers:
        worker.auth.clock.advance(minutes=3)  # type: ignore[attr-defined]  # A FakeClock.
    statuses = [(await here.renew(pair["refresh_token"])).status_code for pair in pairs]

    assert statuses == ([200, 401] if off else [200, 200])


async def test_tokens_log_outs_and_renewals_of_one_client_work_all_the_same(
    workers: list[Worker],
) -> None:
    here, there = workers
    pair = await login_as(there.auth, await a_user(there.auth))

    token = pair.refresh_token
    for _ in range(3):
        for worker in workers:
            renewed = (await worker.renew(token)).json()
            token = renewed["refresh_token"]
            said = [await each.says(renewed["access_token"]) for each in workers]
            assert said == [(200, "")] * 2
        for worker in workers:
            worker.auth.clock.advance(minutes=3)  # type: ignore[attr-defined]  # A FakeClock.
    await there.auth.log_out(token)
    await here.auth.feed.poll()

    assert await here.says(renewed["access_token"]) == (401, "session_ended")


async def test_it_is_found_out(
    off: timedelta,
    busy_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    # A clock that runs: one that stands still would be off itself after two seconds.
    async with working(
        busy_url, Keyring([Key.generate()]), clock=lambda: utc_now() + off
    ) as worker:
        app = create_app(make_settings(tmp_path, busy_url), auth=worker.auth)
        async with app.router.lifespan_context(app), talking_to(app) as client:
            answer = await client.get("/health/ready")

    assert answer.status_code == (503 if off else 200)
    assert answer.json()["checks"]["clock"] == ("failing" if off else "ok")
    assert ("clock" in caplog.text) == bool(off)
