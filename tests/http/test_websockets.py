"""The handshake of a WebSocket is checked like a request."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from tests.http.conftest import bearer
from tokenpair import RefreshClaims
from tokenpair.errors import NotFound, SessionEnded
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    AccessTokenMiddleware,
    AuthDep,
    CurrentUser,
    RefreshTokenBearer,
    claims_of,
    install,
)
from tokenpair.testing import PASSWORD, make_auth

ACCOUNT = {"email": "ada@example.com", "password": PASSWORD}
GUARDED = ["/dependency", "/account", "/refresh", "/middleware/chat"]


def add_sockets(app: FastAPI) -> None:
    @app.websocket("/dependency")
    async def dependency(websocket: WebSocket, token: AccessToken) -> None:
        await websocket.accept()
        await websocket.send_text(str(token.subject))

    @app.websocket("/account")
    async def account(websocket: WebSocket, user: CurrentUser, auth: AuthDep) -> None:
        await websocket.accept()
        await websocket.send_text(str((await auth.get_user(user.id)).id))

    @app.websocket("/refresh")
    async def refresh(
        websocket: WebSocket, token: Annotated[RefreshClaims, Depends(RefreshTokenBearer())]
    ) -> None:
        await websocket.accept()
        await websocket.send_text(str(token.subject))

    @app.websocket("/late")
    async def late(websocket: WebSocket) -> None:
        await websocket.accept()
        raise SessionEnded


@pytest.fixture
def client() -> Iterator[TestClient]:
    auth = make_auth()
    inner = FastAPI()
    inner.add_middleware(AccessTokenMiddleware, bearer=AccessTokenBearer(auth))

    @inner.websocket("/chat")
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(claims_of(websocket).subject))

    app = FastAPI()
    install(app, auth)
    add_sockets(app)
    app.mount("/middleware", inner)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def headers(client: TestClient) -> dict[str, dict[str, str]]:
    """Log in; return the header for each path."""
    client.post("/auth/signup", json=ACCOUNT)
    pair = client.post("/auth/login", json=ACCOUNT).json()
    kinds = dict.fromkeys(GUARDED, "access_token") | {"/refresh": "refresh_token"}
    return {path: bearer(pair[kind]) for path, kind in kinds.items()}


@pytest.mark.parametrize("path", GUARDED)
def test_a_token_opens_a_socket(
    client: TestClient, headers: dict[str, dict[str, str]], path: str
) -> None:
    me = client.get("/auth/me", headers=headers["/dependency"]).json()["id"]

    with client.websocket_connect(path, headers=headers[path]) as socket:
        assert socket.receive_text() == me


@pytest.mark.parametrize("path", GUARDED)
def test_without_a_token_the_answer_is_the_problem(client: TestClient, path: str) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(path):
        pass

    response = refused.value
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == 'Bearer realm="tokenpair"'
    assert response.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("path", GUARDED)
def test_after_the_log_out_no_socket_opens(
    client: TestClient, headers: dict[str, dict[str, str]], path: str
) -> None:
    client.post("/auth/logout", headers=headers[path])

    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(path, headers=headers[path]),
    ):
        pass

    assert refused.value.json()["code"] == "session_ended"


def test_a_socket_that_is_open_already_is_closed(client: TestClient) -> None:
    with (
        client.websocket_connect("/late") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert closed.value.code == 1008


def test_in_an_app_without_our_endpoints_a_socket_is_refused_too() -> None:
    app = FastAPI()

    @app.websocket("/")
    async def guarded(
        websocket: WebSocket, token: Annotated[object, Depends(AccessTokenBearer(make_auth()))]
    ) -> None:
        raise AssertionError(f"{token} was let in to {websocket}")

    with (
        TestClient(app) as client,
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/"),
    ):
        pass

    assert refused.value.status_code == 401
    assert refused.value.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("refused_first", [False, True], ids=["before", "after"])
def test_a_refused_socket_changes_no_other_answer_of_an_app_without_install(
    refused_first: bool,
) -> None:
    app = FastAPI()

    @app.websocket("/guarded", dependencies=[Depends(AccessTokenBearer(make_auth()))])
    async def guarded(websocket: WebSocket) -> None:
        await websocket.accept()

    @app.websocket("/tea")
    async def tea(_: WebSocket) -> None:
        raise NotFound

    with TestClient(app) as client:
        if refused_first:
            with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/guarded"):
                pass

        with pytest.raises(NotFound), client.websocket_connect("/tea"):
            pass


def test_a_server_need_not_parse_the_offers(
    client: TestClient, headers: dict[str, dict[str, str]]
) -> None:
    """`subprotocols` is optional in ASGI; without it there is only the header."""
    token = headers["/dependency"]["Authorization"].removeprefix("Bearer ")
    offers = {"Sec-WebSocket-Protocol": f"chat,bearer, {token}"}

    with client.websocket_connect("/dependency", headers=offers) as socket:
        assert socket.accepted_subprotocol == "bearer"


def test_a_request_that_is_no_websocket_offers_nothing(
    client: TestClient, headers: dict[str, dict[str, str]]
) -> None:
    token = headers["/dependency"]["Authorization"].removeprefix("Bearer ")

    answer = client.get("/auth/me", headers={"Sec-WebSocket-Protocol": f"bearer, {token}"})

    assert answer.json()["code"] == "not_authenticated"
