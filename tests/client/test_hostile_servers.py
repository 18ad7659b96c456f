"""What a hostile or broken server cannot do to the client, with both HTTP libraries."""

import gzip
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import ModuleType

import httpx2
import pytest

import tokenpair_client.httpx
import tokenpair_client.httpx2
from tests.client.hostile import Hostile, saying
from tests.client.test_renewal import PAIR, TLS
from tests.client.world import EMAIL
from tests.waiting import wait_until
from tokenpair.client import Clock, FileStore, NoAnswer, PairAuth, Store
from tokenpair.testing import PASSWORD
from tokenpair_client.steps import Ask, Lost

SECONDS = 0.2
"""Time for each exchange, in seconds: enough to send a request, also on a slow machine."""

OURS = pytest.mark.parametrize(
    "ours", [tokenpair_client.httpx2, tokenpair_client.httpx], ids=["httpx2", "httpx"]
)


async def at_once(_: float) -> None:
    """Wait in no time."""


def session(server: Hostile, store: Store) -> PairAuth:
    """Return an old session of this server, with little time for each exchange."""
    store.write(replace(PAIR, server=server.url))
    clock = Clock(sleep=lambda _: None, async_sleep=at_once)
    auth = PairAuth(server.url, store=store, clock=clock)
    auth._driver._transport = replace(auth._driver._transport, seconds=SECONDS)
    return auth


@OURS
@pytest.mark.parametrize(
    ("begin", "forever"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["header", "100 Continue", "body"],
)
async def test_an_answer_that_drips_is_lost_and_the_connection_closed(
    ours: ModuleType, begin: bytes, forever: bytes
) -> None:
    """No wait for the next byte is long, and the last byte never comes."""
    with saying(begin, forever) as server:
        transport = replace(ours.PairAuth(server.url)._driver._transport, seconds=SECONDS)
        lost = [
            transport.ask(Ask(path="/login")),
            await transport.ask_async(Ask(path="/login")),
        ]
        wait_until(lambda: len(server.closed) == len(server.requests))

    assert lost == [Lost(f"not within {SECONDS} s")] * 2
    assert all(server.closed)


def test_a_body_that_drips_through_a_transport_of_the_callers_is_lost() -> None:
    """It may have no connection that could be closed."""
    left = iter(range(6000))
    body = (b" " for _ in left if not Event().wait(0.01))
    answers = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))
    auth = PairAuth("http://api.test", client=lambda: httpx2.Client(transport=answers))
    transport = replace(auth._driver._transport, seconds=SECONDS)

    assert transport.ask(Ask(path="/login")) == Lost(f"not within {SECONDS} s")
    assert next(left, None) is not None, "it was not read to its end"


async def test_a_server_that_drips_does_not_keep_the_lock(tmp_path: Path) -> None:
    """The same token is presented again, and the pair stays."""
    path = tmp_path / "session.json"
    message = r"did not answer \(not within 0\.2 s\); try again later$"
    with saying(b"HTTP/1.1 200 OK\r\n\r\n", b" ") as server:
        auth, other = session(server, FileStore(path)), FileStore(path)
        with pytest.raises(NoAnswer, match=message):
            httpx2.Client(verify=TLS, auth=auth).get(server.url)
        assert other.try_lock()
        other.unlock()
        async with httpx2.AsyncClient(verify=TLS, auth=auth) as client:
            with pytest.raises(NoAnswer, match=message):
                await client.get(server.url)
        assert other.try_lock()
        other.unlock()

    assert other.read() == replace(PAIR, server=server.url)
    assert sum(b"Bearer rrrr" in each for each in server.requests) > 2


@OURS
@pytest.mark.parametrize("location", ["mailto:x", "http://xn--a", "http://%zzxn--a:", ":a:%|"])
async def test_a_redirect_to_no_address_is_no_valid_answer(ours: ModuleType, location: str) -> None:
    """The HTTP libraries read the address, though it is not followed."""
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    with saying(answer.encode()) as server:
        auth = ours.PairAuth(server.url)
        with pytest.raises(NoAnswer):
            auth.log_in(EMAIL, PASSWORD)
        with pytest.raises(NoAnswer):
            await auth.async_log_in(EMAIL, PASSWORD)


@OURS
async def test_a_compressed_answer_is_not_unpacked(ours: ModuleType) -> None:
    """The client asks for none, as 64 KiB that are compressed twice may be 64 GiB."""
    body = gzip.compress(b'{"code": "invalid_credentials"}')
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\n"
    answer += b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with saying(answer) as server:
        transport = ours.PairAuth(server.url)._driver._transport
        answers = [
            transport.ask(Ask(path="/login")),
            await transport.ask_async(Ask(path="/login")),
        ]

    assert [(each.status, each.body) for each in answers] == [(401, None)] * 2
    assert all(b"\r\nAccept-Encoding: identity\r\n" in each for each in server.requests)
