"""AuthX: a stateless pair. A renewal signs another access token; tokens are never revoked."""

import gc
import secrets

from authx import AuthX, AuthXConfig, TokenPayload
from fastapi import Depends, FastAPI

app = FastAPI()
auth = AuthX(
    config=AuthXConfig(JWT_SECRET_KEY=secrets.token_hex(32), JWT_TOKEN_LOCATION=["headers"])
)
auth.handle_errors(app)


@app.post("/tokens/{number}")
async def tokens(number: int) -> dict[str, str]:
    return auth.create_token_pair(uid=f"u{number}").model_dump()


@app.get("/protected", dependencies=[Depends(auth.access_token_required)])
async def protected() -> dict[str, bool]:
    return {"ok": True}


@app.post("/refresh")
async def refresh(payload: TokenPayload = Depends(auth.refresh_token_required)) -> dict[str, str]:
    return {"access_token": auth.create_access_token(uid=payload.sub)}


gc.freeze()  # As in bench/app.py, for a fair comparison.
