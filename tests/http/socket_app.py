"""An app with WebSockets, for servers that run in a process of their own."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, WebSocket

from tokenpair import AccessClaims
from tokenpair.errors import SessionEnded
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    AccessTokenMiddleware,
    OptionalAccessToken,
    claims_of,
    install,
)
from tokenpair.testing import make_auth

auth = make_auth()


class TeapotBearer(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        raise HTTPException(418, f"no tea for {len(token_data.roles)} roles")


inner = FastAPI()
inner.add_middleware(AccessTokenMiddleware, bearer=AccessTokenBearer(auth))


@inner.websocket("/chat")
async def guarded(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(str(claims_of(websocket).subject))


bare = FastAPI()


@bare.websocket("/chat")
async def without_install(
    websocket: WebSocket, token: Annotated[AccessClaims, Depends(AccessTokenBearer(auth))]
) -> None:
    await websocket.accept()
    await websocket.send_text(str(token.subject))


app = FastAPI()
install(app, auth, problems=True)
app.mount("/guarded", inner)
app.mount("/bare", bare)


@app.websocket("/echo")
async def echo(websocket: WebSocket, token: AccessToken) -> None:
    await websocket.accept()
    await websocket.send_text(str(token.subject))


@app.websocket("/names_one")
async def names_one(websocket: WebSocket, token: AccessToken) -> None:
    await websocket.accept(subprotocol="chat")
    await websocket.send_text(str(token.subject))


@app.websocket("/names_the_last")
async def names_the_last(websocket: WebSocket, token: AccessToken) -> None:
    """Answer with the last subprotocol that was offered."""
    await websocket.accept(subprotocol=websocket.scope["subprotocols"][-1])
    await websocket.send_text(str(token.subject))


@app.websocket("/optional")
async def optional(websocket: WebSocket, token: OptionalAccessToken) -> None:
    await websocket.accept()
    await websocket.send_text(str(token.subject) if token else "a stranger")


@app.websocket("/late")
async def late(websocket: WebSocket, token: AccessToken) -> None:
    await websocket.accept()
    raise SessionEnded(str(token.session_id))


@app.websocket("/gone")
async def gone(websocket: WebSocket, token: AccessToken) -> None:
    """Notice the end of the session when the client has disconnected."""
    await websocket.accept()
    await websocket.receive()
    raise SessionEnded(str(token.session_id))


@app.websocket("/closed")
async def closed(websocket: WebSocket, token: AccessToken) -> None:
    await websocket.accept()
    await websocket.close(4000)
    raise SessionEnded(str(token.session_id))


@app.websocket("/tea")
async def tea(
    websocket: WebSocket, token: Annotated[AccessClaims, Depends(TeapotBearer())]
) -> None:
    raise AssertionError(f"{token} was let in to {websocket}")
