"""No client keeps others out by sending slowly, or by sending much at once."""

import asyncio
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bookly.ops.connections import BoundedProtocol
from tests import processes
from tests.bookly.running import Running, running_bookly
from tests.waiting import LIMIT_SECONDS

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
HEAD = HALF_A_HEAD + b"\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
LIMIT = 6


class Patient(BoundedProtocol):
    """A server with the timeouts of Bookly, for tests of other limits."""


class Quick(BoundedProtocol):
    """A server with timeouts that a test can wait for."""

    HEAD_SECONDS = 0.5
    BODY_SECONDS = 0.5


async def hello(request: Request) -> Response:
    await request.body()
    return PlainTextResponse(f"hello {request.query_params.get('n', '')}.")


async def slow(_: Request) -> Response:
    await asyncio.sleep(2 * Quick.HEAD_SECONDS)
    return PlainTextResponse("slow")


MAY_END = threading.Event()
"""Set when requests for `/held` may be answered."""


async def held(_: Request) -> Response:
    while not MAY_END.is_set():
        await asyncio.sleep(0.01)
    return PlainTextResponse("held")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


APP = Starlette(
    routes=[
        Route("/", hello, methods=["GET", "POST"]),
        Route("/slow", slow),
        Route("/held", held),
        WebSocketRoute("/echo", echo),
    ]
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Patient) as port:
        yield port


@pytest.fixture(scope="module")
def quick_port() -> Iterator[int]:
    with serving(Quick) as port:
        yield port


@contextmanager
def serving(protocol: type[BoundedProtocol]) -> Iterator[int]:
    config = uvicorn.Config(
        APP, port=0, log_config=None, lifespan="off", http=protocol, limit_concurrency=LIMIT
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(LIMIT_SECONDS)


def opened(port: int, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_SECONDS)
    connection.sendall(data)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server has closed the connection; ignore what it sent before."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def is_cut_off(connection: socket.socket, piece: bytes, *, times: int, pause: float = 0) -> bool:
    """Send a piece repeatedly; return whether the server closes the connection meanwhile."""
    try:
        for _ in range(times):
            connection.sendall(piece)
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def answer(connection: socket.socket) -> bytes:
    """Read one answer, with its body: the next call begins with the next answer."""
    received = b""
    while not is_complete(received) and (data := connection.recv(65536)):
        received += data
    return received


def is_answered(connection: socket.socket, request: bytes) -> bool:
    try:
        connection.sendall(request)
        return answer(connection).startswith(b"HTTP/1.1 200")
    except (BrokenPipeError, ConnectionResetError):
        return False


def once_in_ten(try_it: Callable[[], bool]) -> bool:
    """Return whether a client has one success: a machine that stands still makes it too slow."""
    return any(try_it() for _ in range(10))


def is_complete(received: bytes) -> bool:
    head, end_of_head, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end_of_head) and len(body) >= (int(length[1]) if length else 0)


@pytest.mark.parametrize(
    "data",
    [b"", b"G", HALF_A_HEAD, b"\r\n\r\n", HALF_A_BODY, HEAD + HALF_A_HEAD],
    ids=["nothing", "one_byte", "half_a_head", "blank_lines", "half_a_body", "a_half_second_one"],
)
def test_a_request_that_does_not_end_is_closed(quick_port: int, data: bytes) -> None:
    with closing(opened(quick_port, data)) as connection:
        assert is_closed(connection)


@pytest.mark.parametrize(
    ("start", "piece"),
    [(HALF_A_HEAD, b"X-A: b\r\n"), (b"", b"\r\n")],
    ids=["headers", "blank_lines"],
)
def test_dripping_a_request_gains_no_time(quick_port: int, start: bytes, piece: bytes) -> None:
    with closing(opened(quick_port, start)) as connection:
        assert is_cut_off(connection, piece, times=400, pause=0.05)


def test_a_body_that_comes_after_its_answer_gains_no_time(quick_port: int) -> None:
    with closing(
        opened(quick_port, b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
    ) as it:
        assert answer(it).startswith(b"HTTP/1.1 404")
        it.sendall(b"body" + HALF_A_HEAD)

        assert is_closed(it)


def test_a_client_may_keep_its_connection_for_many_requests(quick_port: int) -> None:
    """For longer than one of them may take to arrive."""

    def try_it() -> bool:
        with closing(opened(quick_port)) as connection:
            return all(is_answered(connection, each) for each in (SLOW, HEAD, SLOW, HEAD))

    assert once_in_ten(try_it)


def test_an_answer_may_take_its_time(quick_port: int) -> None:
    def try_it() -> bool:
        with closing(opened(quick_port)) as connection:
            return is_answered(connection, SLOW)

    assert once_in_ten(try_it)


def test_a_websocket_may_stay_silent(quick_port: int) -> None:
    def try_it() -> bool:
        url = f"ws://127.0.0.1:{quick_port}/echo"
        try:
            with connect(url, open_timeout=LIMIT_SECONDS) as websocket:
                time.sleep(3 * Quick.HEAD_SECONDS)
                websocket.send("still here")
                return websocket.recv(timeout=LIMIT_SECONDS) == "still here"
        except (OSError, WebSocketException):
            return False

    assert once_in_ten(try_it)


def test_a_new_connection_takes_the_place_of_the_one_that_waits_longest(port: int) -> None:
    half_sent = [opened(port, HALF_A_HEAD) for _ in range(3 * LIMIT)]

    honest = httpx2.get(f"http://127.0.0.1:{port}/")

    assert honest.status_code == 200
    assert is_closed(half_sent[0])
    for each in half_sent:
        each.close()


def test_when_all_are_being_answered_the_next_is_told_503_and_it_recovers(port: int) -> None:
    MAY_END.clear()
    busy = [opened(port, HELD) for _ in range(2 * LIMIT)]

    refused, _, _ = select.select(busy, [], [], LIMIT_SECONDS)
    assert {answer(each).split()[1] for each in refused} == {b"503"}
    MAY_END.set()
    statuses = {answer(each).split()[1] for each in busy if each not in refused}

    assert b"200" in statuses
    assert statuses <= {b"200", b"503"}
    assert httpx2.get(f"http://127.0.0.1:{port}/").status_code == 200
    for each in busy:
        each.close()


def test_a_few_pipelined_requests_are_answered_in_order(port: int) -> None:
    requests = [b"GET /?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(16)]
    with closing(opened(port, b"".join(requests))) as connection:
        received = b""
        while received.count(b"hello") < 16 and (data := connection.recv(65536)):
            received += data

    numbers = [int(number) for number in re.findall(rb"hello (\d+)\.", received)]
    assert numbers == list(range(16))


def test_many_pipelined_requests_are_closed(port: int) -> None:
    with closing(opened(port)) as connection:
        assert is_cut_off(connection, HEAD * 1000, times=1000)


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as running:
        yield running


def test_a_thousand_half_sent_requests_keep_no_client_out_of_bookly(bookly: Running) -> None:
    port = int(bookly.url.rpartition(":")[2])
    half_sent = [opened(port, HALF_A_HEAD) for _ in range(1100)]

    ready = httpx2.get(f"{bookly.url}/health/ready")

    assert ready.status_code == 200
    for each in half_sent:
        each.close()


def test_eight_megabytes_of_pipelined_requests_take_bookly_little_memory(bookly: Running) -> None:
    port = int(bookly.url.rpartition(":")[2])
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    before = processes.memory_kib(bookly.pid)

    with closing(opened(port)) as connection:
        assert is_cut_off(connection, request * 1000, times=200)

    assert processes.memory_kib(bookly.pid) - before < 40 * 1024
