"""What each answer of a real server makes the client do, with both HTTP libraries."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import httpx2
import pytest
from starlette.responses import RedirectResponse

import tokenpair_client.httpx
import tokenpair_client.httpx2
from tests.client import world as worlds
from tests.client.world import EMAIL, World, lose, problem
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair.client import Clock, LogInRefused, MemoryStore, NoAnswer, Pair, PairAuth, SessionOver
from tokenpair.testing import PASSWORD

TLS = httpx2.create_ssl_context()  # Reading it takes time.

LIBRARIES = pytest.mark.parametrize(
    ("library", "ours"),
    [(httpx2, tokenpair_client.httpx2), (httpx, tokenpair_client.httpx)],
    ids=["httpx2", "httpx"],
)


PAIR = Pair(
    server="https://api.test/auth",
    access_token="a" * 20,
    refresh_token="r" * 20,
    expires_in=600,
    refresh_expires_in=604800,
    received_at=1.5,
)


def logged_in(world: World, **options: Any) -> PairAuth:
    auth = PairAuth(world.auth_url, clock=world.client_clock(), **options)
    auth.log_in(EMAIL, PASSWORD)
    return auth


def stored(auth: PairAuth) -> Pair:
    pair = auth._session.store.read()
    assert pair is not None
    return pair


def get(world: World, auth: PairAuth, path: str = "/hello") -> httpx2.Response:
    with httpx2.Client(verify=TLS, auth=auth, base_url=world.url) as client:
        return client.get(path)


@LIBRARIES
def test_a_due_token_is_renewed_once(world: World, library: ModuleType, ours: ModuleType) -> None:
    auth = ours.PairAuth(world.auth_url, clock=world.client_clock())
    auth.log_in(EMAIL, PASSWORD)

    with library.Client(auth=auth, base_url=world.url) as client:
        answers = [client.get("/hello").status_code]
        world.clock.advance(minutes=7, seconds=59)
        answers.append(client.get("/hello").status_code)
        assert world.renewals == []
        world.clock.advance(minutes=2, seconds=1)
        answers += [client.get("/hello").status_code for _ in range(2)]

    assert answers == [200] * 4
    assert len(world.renewals) == 1


@LIBRARIES
async def test_async_code_does_the_same(
    world: World, library: ModuleType, ours: ModuleType
) -> None:
    auth = ours.PairAuth(world.auth_url, clock=world.client_clock())
    await auth.async_log_in(EMAIL, PASSWORD)
    world.clock.advance(minutes=10)
    world.spoils = [lose]

    async with limit(), library.AsyncClient(auth=auth, base_url=world.url) as client:
        answers = await asyncio.gather(*(client.get("/hello") for _ in range(10)))
        await auth.async_log_out()
        with pytest.raises(SessionOver):
            await client.get("/hello")

    assert [each.status_code for each in answers] == [200] * 10
    assert len(world.renewals) == 2  # The first answer was lost.


def test_it_renews_at_a_random_moment_of_the_last_fifth(world: World) -> None:
    auth = logged_in(world)
    begin, moments = world.clock.now.timestamp() - 1e9, []

    for chance in (0.0, 0.5, 1.0):
        auth._session.random = partial(float, chance)
        held = auth._session._hold(stored(auth), "x", 0)
        moments.append(held.renew_at - begin)

    assert moments == [600, 540, 480]


def test_ten_threads_renew_once(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(minutes=10)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: get(world, auth).status_code, range(10)))

    assert answers == [200] * 10
    assert len(world.renewals) == 1
    assert len(world.asked) == 12, "all wait, as the old token has expired"


async def test_requests_do_not_wait_for_an_early_renewal(world: World) -> None:
    auth = logged_in(world)
    auth._session.random = partial(float, 1)
    auth._session._hold(stored(auth), stored(auth).access_token or "", 0)
    world.clock.advance(minutes=8)
    arrived, may_go_on = threading.Event(), threading.Event()

    async def hang(scope: Any, receive: Any, send: Any, app: Any) -> None:
        arrived.set()
        await asyncio.to_thread(may_go_on.wait)
        await app(scope, receive, send)

    world.spoils = [hang]
    async with limit(), httpx2.AsyncClient(verify=TLS, auth=auth, base_url=world.url) as client:
        renewing = asyncio.create_task(client.get("/hello"))
        await asyncio.to_thread(arrived.wait)
        assert (await client.get("/hello")).status_code == 200
        assert not renewing.done()
        may_go_on.set()
        assert (await renewing).status_code == 200

    assert len(world.renewals) == 1


def test_after_a_lost_answer_the_same_token_is_presented_again(world: World) -> None:
    auth = logged_in(world)
    before = stored(auth)
    world.clock.advance(minutes=10)
    world.spoils = [lose, lose]

    assert get(world, auth).status_code == 200
    assert world.renewals == [before.refresh_token] * 3
    assert stored(auth).refresh_token != before.refresh_token
    assert [0.5 <= each <= 0.625 for each in world.slept] == [True]


def test_new_roles_are_fetched_with_a_new_token(world: World) -> None:
    auth = logged_in(world)
    user = UUID(get(world, auth).json())
    world.call(world.auth.set_roles, user, frozenset({"admin"}))

    with httpx2.Client(verify=TLS, auth=auth, base_url=world.url) as client:
        repeated = client.post("/echo", content=b"12345")
        world.call(world.auth.set_roles, user, frozenset())
        streamed = client.post("/echo", content=iter([b"123", b"45"]))

    assert repeated.json() == 5
    assert streamed.status_code == 401, "a stream cannot be sent twice"
    assert get(world, auth).status_code == 200
    assert len(world.renewals) == 2


def test_no_other_401_renews(world: World) -> None:
    auth = logged_in(world)

    assert get(world, auth, "/refused").status_code == 401
    assert world.renewals == []
    assert auth.is_logged_in


def test_an_ended_session_is_one_clear_error(world: World) -> None:
    auth = logged_in(world)
    other = PairAuth(world.auth_url, store=MemoryStore(stored(auth)), clock=world.client_clock())
    get(world, other)
    auth.log_out(everywhere=True)

    with pytest.raises(SessionOver, match=r"^the session is over \(session_ended\); log in again$"):
        get(world, other)
    with pytest.raises(SessionOver, match=r"^not logged in; log in again$"):
        get(world, other)
    assert not other.is_logged_in
    assert not auth.is_logged_in


def test_a_session_that_expired_is_over(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(days=8)

    with pytest.raises(SessionOver) as raised:
        get(world, auth)

    assert raised.value.code == "token_expired"
    assert not auth.is_logged_in


def test_after_a_409_it_continues_with_what_the_store_holds(world: World) -> None:
    """As if another process had renewed, and stored its pair without the lock."""
    store = MemoryStore()
    auth = logged_in(world, store=store)
    first = stored(auth)
    world.clock.advance(minutes=10)
    get(world, auth)
    second = stored(auth)
    store.write(first)
    world.clock.advance(minutes=10)

    async def store_second(*_: Any) -> None:
        store.write(replace(second, received_at=world.clock.now.timestamp()))
        await problem(409, "token_superseded", **{"Retry-After": "7"})(*_)

    world.spoils = [problem(409, "token_superseded", **{"Retry-After": "7"}), store_second]
    with httpx2.Client(verify=TLS, auth=auth, base_url=world.url) as client:
        client.get("/hello")

    assert 7 <= world.slept[0] <= 8.75
    assert world.renewals[1] == world.renewals[2] == first.refresh_token
    assert get(world, auth).status_code == 200


def test_a_late_answer_does_not_replace_a_newer_pair(world: World) -> None:
    """A log-in by another program during the renewal, with a store that has no lock."""
    store = MemoryStore()
    auth = logged_in(world, store=store)
    world.clock.advance(minutes=10)
    newer = stored(logged_in(world))

    async def store_newer(scope: Any, receive: Any, send: Any, app: Any) -> None:
        store.write(newer)
        await app(scope, receive, send)

    world.spoils = [store_newer]
    get(world, auth)

    assert store.read() == newer


def test_it_waits_as_the_server_asks_and_tries_again(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(minutes=10)
    world.spoils = [
        problem(503, "unavailable", **{"Retry-After": "5"}),
        problem(429, "too_many_requests", **{"Retry-After": "20"}),
    ]

    assert get(world, auth).status_code == 200
    assert 5 <= world.slept[0] <= 6.25
    assert 20 <= world.slept[1] <= 25


@pytest.mark.parametrize(
    ("name", "attempts", "message"),
    [
        ("HTML", 5, "is not a token pair; check the URL"),
        ("NOT_JSON", 5, "is not a token pair; check the URL"),
        ("NO_PAIR", 5, "is not a token pair; check the URL"),
        ("HUGE", 5, "is not a token pair; check the URL"),
        ("BAD_GATEWAY", 5, "answered 502; try again later"),
        ("HTML_401", 1, r"is not tokenpair's \(status 401\); check the URL"),
    ],
)
def test_a_proxys_answer_ends_no_session(
    world: World, name: str, attempts: int, message: str
) -> None:
    auth = logged_in(world)
    before = stored(auth)
    world.clock.advance(minutes=10)
    world.spoils = [getattr(worlds, name)] * attempts

    with pytest.raises(NoAnswer, match=message):
        get(world, auth)
    assert stored(auth) == before
    assert world.spoils == []
    assert get(world, auth).status_code == 200


def test_a_long_wait_is_the_callers_decision(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(minutes=10)
    world.spoils = [problem(503, "unavailable", **{"Retry-After": "3600"})]

    with pytest.raises(NoAnswer, match="answered 503 unavailable") as raised:
        get(world, auth)
    assert raised.value.retry_after == 3600
    assert world.slept == []


def test_a_valid_token_is_used_while_renewal_fails(world: World) -> None:
    auth = logged_in(world)
    auth._session.random = lambda: 1.0
    auth._session._hold(stored(auth), stored(auth).access_token or "", 0)
    world.clock.advance(minutes=8)
    world.spoils = [worlds.BAD_GATEWAY, problem(503, "unavailable", **{"Retry-After": "5"})] * 2

    answers = [get(world, auth).status_code for _ in range(2)]
    world.clock.advance(minutes=1)
    answers.append(get(world, auth).status_code)

    assert answers == [200] * 3
    assert len(world.renewals) == 4, "the second request does not try again"
    assert world.slept == []


def test_a_token_that_expires_while_its_renewal_hangs_is_not_sent(world: World) -> None:
    auth = logged_in(world)
    auth._session.random = lambda: 1.0
    auth._session._hold(stored(auth), stored(auth).access_token or "", 0)
    world.clock.advance(minutes=9, seconds=55)
    world.asked.clear()

    async def hang(scope: Any, receive: Any, send: Any, app: Any) -> None:
        world.clock.advance(seconds=10)
        await worlds.BAD_GATEWAY(scope, receive, send, app)

    world.spoils = [hang]
    with pytest.raises(NoAnswer, match="502"):
        get(world, auth)

    assert [path for path, _ in world.asked] == ["/auth/refresh_token"]


def with_two_tokens(world: World) -> tuple[PairAuth, str, str]:
    """Return a client, its access token, and one that another process stores a minute later."""
    auth = logged_in(world)
    auth._session.random = lambda: 1.0
    pair = stored(auth)
    assert pair.access_token
    auth._session._hold(pair, pair.access_token, 0)
    other = PairAuth(world.auth_url, store=auth._session.store, clock=world.client_clock())
    world.clock.advance(minutes=1)
    newer = other._driver.run(other._session.renew(pair.access_token))
    return auth, pair.access_token, newer.access_token


@pytest.mark.parametrize("is_age_known", [True, False])
def test_the_newest_valid_token_is_used_while_renewal_fails(
    world: World, *, is_age_known: bool
) -> None:
    """Both are due."""
    auth, older, newer = with_two_tokens(world)
    if not is_age_known:
        later = world.clock.now.timestamp() + 86_400
        auth._session.store.write(replace(stored(auth), received_at=later))
    world.clock.advance(minutes=8, seconds=30)
    world.asked.clear()
    world.spoils = [worlds.BAD_GATEWAY] * 2

    answers = [get(world, auth).status_code for _ in range(2)]

    used = newer if is_age_known else older
    assert answers == [200] * 2
    assert [token for path, token in world.asked if path == "/hello"] == [used] * 2
    assert len(world.renewals) == 2, "the second request does not try again"


def test_a_newer_token_is_used_where_the_older_one_has_expired_and_renewal_fails(
    world: World,
) -> None:
    auth, _, newer = with_two_tokens(world)
    world.clock.advance(minutes=9, seconds=20)
    world.spoils = [worlds.BAD_GATEWAY] * 10

    answer = get(world, auth)

    assert answer.status_code == 200
    assert world.asked[-1] == ("/hello", newer)


@pytest.mark.parametrize("days", [-400, 400], ids=["back", "ahead"])
def test_a_changed_wall_clock_changes_nothing(world: World, days: int) -> None:
    auth = logged_in(world)
    auth._session.clock = world.client_clock(wall_is_off_by=days * 86_400.0)

    assert get(world, auth).status_code == 200
    assert world.renewals == []
    world.clock.advance(minutes=10)
    assert get(world, auth).status_code == 200
    assert len(world.renewals) == 1


def test_tokens_go_to_no_other_origin(world: World, caplog: pytest.LogCaptureFixture) -> None:
    auth = logged_in(world)
    caplog.set_level(logging.DEBUG)
    with worlds.running() as other:
        other.instead["/refused"] = problem(401, "session_ended")
        with httpx2.Client(
            verify=TLS, auth=auth, base_url=world.url, follow_redirects=True
        ) as client:
            direct = client.get(f"{other.url}/hello")
            redirected = client.get(f"/elsewhere?to={other.url}/hello")
            ended = client.get(f"/elsewhere?to={other.url}/refused")

        sent = [token for _, token in other.asked]

    assert [each.status_code for each in (direct, redirected, ended)] == [401] * 3
    assert set(sent) == {""}
    assert auth.is_logged_in


def test_a_pair_from_the_future_is_renewed(world: World) -> None:
    """Another process stored it when the date was wrong."""
    auth = logged_in(world)
    later = replace(stored(auth), received_at=world.clock.now.timestamp() + 86_400)
    world.asked.clear()
    other = PairAuth(world.auth_url, store=MemoryStore(later), clock=world.client_clock())

    assert get(world, other).status_code == 200
    assert [path for path, _ in world.asked] == ["/auth/refresh_token", "/hello"]


def test_a_renewal_follows_no_redirect(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(minutes=10)
    with worlds.running() as other:
        world.spoils = [worlds.answer(RedirectResponse(f"{other.url}/auth/refresh_token"))]
        with pytest.raises(NoAnswer, match="status 307"):
            get(world, auth)

    assert other.asked == []


def test_other_origins_must_be_named(world: World) -> None:
    with worlds.running() as other:
        auth = logged_in(world, origins=[other.url])
        get(other, auth)

    assert other.asked == [("/hello", stored(auth).access_token)]


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("https://API.test:443/x", True),
        ("https://\N{LATIN SMALL LETTER U WITH DIAERESIS}.test/x", True),
        ("https://[::1]:8443/x", True),
        ("http://api.test/x", False),
        ("https://api.test:8443/x", False),
        ("https://api.test.evil.test/x", False),
        ("https://api.test@evil.test/x", False),
        ("https://evil.test/https://api.test", False),
        (f"https://{'a' * 70}.test/x", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, *, is_sent: bool) -> None:
    origins = ["https://xn--tda.test", "https://[::1]:8443"]
    auth = PairAuth("https://api.test/auth", origins=origins)
    auth._session._hold(PAIR, "a", 0)

    request = next(auth.sync_auth_flow(httpx2.Request("GET", url)))

    assert ("authorization" in request.headers) is is_sent


def test_no_token_is_shown_or_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = MemoryStore()
    auth = logged_in(world, store=store)
    pair, held = stored(auth), auth._session.held
    world.spoils = [problem(401, "session_ended")]
    world.clock.advance(minutes=10)
    with pytest.raises(SessionOver) as raised:
        get(world, auth)

    shown = f"{auth!r} {store!r} {pair!r} {held!r} {raised.value!r} {caplog.text}"
    assert "refresh_token" in caplog.text or "127.0.0.1" in shown
    assert pair.access_token
    assert pair.access_token not in shown
    assert pair.refresh_token not in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (None, LogInRefused, r"refused to log in \(invalid_credentials\)$"),
        (
            problem(429, "too_many_requests", **{"Retry-After": "30"}),
            LogInRefused,
            r"\(too_many_requests\); try again in 30 s$",
        ),
        (worlds.HTML, NoAnswer, "not a token pair; check the URL"),
        (lose, NoAnswer, "did not answer"),
    ],
    ids=["wrong password", "too many", "html", "lost"],
)
def test_a_refused_log_in_leaves_nothing(
    world: World, spoil: worlds.Spoil | None, error: type[Exception], message: str
) -> None:
    auth = PairAuth(world.auth_url, clock=world.client_clock())
    world.spoils = [spoil]

    with pytest.raises(error, match=message):
        auth.log_in(EMAIL, "wrong")
    assert not auth.is_logged_in


def test_a_new_log_in_ends_the_older_session(world: World) -> None:
    auth = logged_in(world)
    older = PairAuth(world.auth_url, store=MemoryStore(stored(auth)), clock=world.client_clock())

    auth.log_in(EMAIL, PASSWORD)

    assert get(world, auth).status_code == 200
    with pytest.raises(SessionOver):
        get(world, older)


def test_a_log_out_that_fails_keeps_the_pair(world: World) -> None:
    auth = logged_in(world)
    world.spoils = [worlds.BAD_GATEWAY] * 5

    with pytest.raises(NoAnswer, match="502"):
        auth.log_out()
    assert auth.is_logged_in
    auth.log_out()
    auth.log_out()
    assert not auth.is_logged_in


def test_a_log_out_everywhere_repeats_both_its_requests_for_a_minute_in_all(world: World) -> None:
    """Others that share the store wait for it, and give up in the end."""
    auth = logged_in(world)
    world.spoils = [problem(503, "unavailable", **{"Retry-After": "45"})]
    world.instead["/auth/logout/all"] = problem(503, "unavailable", **{"Retry-After": "20"})

    with pytest.raises(NoAnswer, match="503"):
        auth.log_out(everywhere=True)
    world.instead.clear()
    assert len(world.slept) == 1
    assert auth.is_logged_in


def test_a_log_out_elsewhere_is_a_request_that_keeps_the_session(world: World) -> None:
    auth, elsewhere = logged_in(world), logged_in(world)
    world.clock.advance(minutes=10)

    with httpx2.Client(verify=TLS, auth=auth, base_url=world.url) as client:
        assert client.post("/auth/logout/others").status_code == 204

    assert get(world, auth).status_code == 200
    with pytest.raises(SessionOver):
        get(world, elsewhere)


async def test_a_cancelled_task_leaves_no_lock(world: World) -> None:
    auth = logged_in(world)
    world.clock.advance(minutes=10)
    arrived, forever = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def hang(scope: Any, receive: Any, send: Any, app: Any) -> None:
        loop.call_soon_threadsafe(arrived.set)
        await worlds.BAD_GATEWAY(scope, receive, send, app)

    async def hold(_: float) -> None:
        await forever.wait()

    world.spoils = [hang, hang]
    clock = replace(world.client_clock(), async_sleep=hold)
    auth._driver._clock = clock
    async with limit(), httpx2.AsyncClient(verify=TLS, auth=auth, base_url=world.url) as client:
        task = asyncio.create_task(client.get("/hello"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        world.spoils = []

        assert (await client.get("/hello")).status_code == 200


class SlowStore(MemoryStore):
    """A store with a read that hangs once, while it holds the lock."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.may_go_on = threading.Event(), threading.Event()
        self.is_slow = False

    def read(self) -> Pair | None:
        if self.is_slow:
            self.is_slow = False
            self.hangs.set()
            assert self.may_go_on.wait(LIMIT_SECONDS)
        return super().read()


async def test_a_task_that_is_cancelled_while_a_thread_reads_the_store_leaves_no_lock(
    world: World,
) -> None:
    store = SlowStore()
    auth = logged_in(world, store=store)
    auth._driver._may_block = True
    world.clock.advance(minutes=10)
    store.is_slow = True
    async with limit(), httpx2.AsyncClient(verify=TLS, auth=auth, base_url=world.url) as client:
        task = asyncio.create_task(client.get("/hello"))
        await asyncio.to_thread(store.hangs.wait)
        task.cancel()
        store.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (await client.get("/hello")).status_code == 200


@pytest.mark.parametrize(
    "url",
    ["", "api.test/auth", "ftp://api.test", "http://", "https://u:p@api.test", "http://api.test?y"],
)
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^the URL (is invalid|has a user)") as raised:
        PairAuth(url, clock=Clock())
    assert not url or url not in str(raised.value)
