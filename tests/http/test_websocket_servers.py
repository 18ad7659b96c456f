"""WebSockets on real servers: some faults that a test client accepts are errors in their log."""

import re
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.http.conftest import bearer
from tests.http.socket_servers import SERVERS, Running, running

# Uvicorn with websockets logs this for each answer in place of a WebSocket, although the app is
# right: it does not count such a handshake as complete.
OF_UVICORN = "ERROR:    ASGI callable returned without completing handshake."


FIRST, *OTHERS = SERVERS


@pytest.fixture(
    scope="module",
    params=[FIRST, *(pytest.param(each, marks=pytest.mark.long) for each in OTHERS)],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Run a server; at the end its log must contain no error."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with running(SERVERS[request.param], log) as server:
        yield server
    written = log.read_text()
    if request.param == "uvicorn, websockets":
        written = written.replace(OF_UVICORN, "")
    assert not re.search(r"error|traceback|exception", written, re.IGNORECASE), written


@pytest.mark.parametrize("path", ["/echo", "/guarded/chat", "/optional"])
def test_a_token_in_the_header_opens_a_socket(server: Running, path: str) -> None:
    with server.connect(path, additional_headers=bearer(server.access)) as opened:
        assert opened.recv() == server.ada
        assert opened.subprotocol is None


@pytest.mark.parametrize("path", ["/echo", "/guarded/chat", "/optional"])
@pytest.mark.parametrize(
    "offers", ["bearer TOKEN", "chat bearer TOKEN", "bearer TOKEN chat"], ids=str
)
def test_a_token_among_the_subprotocols_opens_one_that_answers_bearer(
    server: Running, path: str, offers: str
) -> None:
    subprotocols = offers.replace("TOKEN", server.access).split()

    with server.connect(path, subprotocols=subprotocols) as opened:
        assert opened.recv() == server.ada
        assert opened.subprotocol == "bearer"


def test_in_an_app_without_our_endpoints_a_bearer_opens_and_refuses(server: Running) -> None:
    with server.connect("/bare/chat", subprotocols=["bearer", server.access]) as opened:
        assert opened.recv() == server.ada
        assert opened.subprotocol == "bearer"

    assert server.refusal("/bare/chat").status_code == 401


def test_a_subprotocol_that_the_endpoint_names_is_answered(server: Running) -> None:
    offers = ["bearer", server.access, "chat"]

    with server.connect("/names_one", subprotocols=offers) as opened:
        assert opened.recv() == server.ada
        assert opened.subprotocol == "chat"


def test_the_token_is_never_answered(server: Running) -> None:
    with server.connect("/names_the_last", subprotocols=["bearer", server.access]) as opened:
        assert opened.recv() == server.ada
        assert opened.subprotocol == "bearer"


def test_a_browser_without_a_token_is_let_in_where_it_is_optional(server: Running) -> None:
    with server.connect("/optional", subprotocols=["bearer"]) as opened:
        assert opened.recv() == "a stranger"
        assert opened.subprotocol == "bearer"


@pytest.mark.parametrize("path", ["/echo", "/guarded/chat"])
def test_without_a_token_the_answer_is_one_problem(server: Running, path: str) -> None:
    answers = [server.refusal(path), server.refusal(path, subprotocols=["bearer"])]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "not_authenticated"


def test_a_bad_token_among_the_subprotocols_is_refused(server: Running) -> None:
    garbage = server.refusal("/echo", subprotocols=["bearer", "garbage"])
    other_kind = server.refusal("/echo", subprotocols=["bearer", server.refresh])
    optional = server.refusal("/optional", subprotocols=["bearer", "garbage"])

    codes = [each.json()["code"] for each in (garbage, other_kind, optional)]
    assert codes == ["token_invalid", "access_token_required", "token_invalid"]


@pytest.mark.parametrize("path", ["/echo", "/guarded/chat", "/optional"])
def test_two_tokens_are_refused(server: Running, path: str) -> None:
    one = ["bearer", server.access]

    both_places = server.refusal(path, subprotocols=one, additional_headers=bearer(server.access))
    twice = server.refusal(path, subprotocols=[*one, *one])

    assert [each.status_code for each in (both_places, twice)] == [400, 400]


def test_what_a_hook_raises_of_the_frameworks_is_answered_once(server: Running) -> None:
    answer = server.refusal("/tea", additional_headers=bearer(server.access))

    assert (answer.status_code, answer.json()["detail"]) == (418, "no tea for 0 roles")


def test_an_open_socket_is_closed_with_its_code(server: Running) -> None:
    with (
        server.connect("/late", additional_headers=bearer(server.access)) as opened,
        pytest.raises(ConnectionClosed) as closed,
    ):
        opened.recv()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008


def test_an_error_after_the_end_is_no_error_of_the_server(server: Running) -> None:
    headers = bearer(server.access)
    with server.connect("/gone", additional_headers=headers):
        pass
    with (
        server.connect("/closed", additional_headers=headers) as opened,
        pytest.raises(ConnectionClosed) as closed,
    ):
        opened.recv()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4000
