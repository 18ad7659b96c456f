"""The app that docs/how-to/course.md moves over, rewritten: PyJWT with HS256, and a block list.

The block list is in Redis, which gets a query for each request. A renewal signs another access
token. It rotates nothing and writes nothing.
"""

import gc
import os
import secrets
import uuid
from datetime import UTC, datetime, timedelta

import jwt
import redis.asyncio as redis
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPBearer

SECRET = secrets.token_hex(32)
block_list = redis.Redis.from_url(os.environ["BENCH_VALKEY_URL"])
app = FastAPI()


def create_token(user: dict[str, str], lifetime: timedelta, *, is_refresh: bool = False) -> str:
    payload = {
        "user": user,
        "exp": datetime.now(UTC) + lifetime,
        "jti": str(uuid.uuid4()),
        "refresh": is_refresh,
    }
    return jwt.encode(payload, SECRET, algorithm="HS256")


class TokenBearer(HTTPBearer):
    async def __call__(self, request: Request) -> dict:
        credentials = await super().__call__(request)
        try:
            token_data = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
        except jwt.PyJWTError as exc:
            raise HTTPException(403, "invalid or expired") from exc
        if await block_list.get(token_data["jti"]) is not None:
            raise HTTPException(403, "revoked")
        self.verify_token_data(token_data)
        return token_data

    def verify_token_data(self, token_data: dict) -> None:
        raise NotImplementedError


class AccessTokenBearer(TokenBearer):
    def verify_token_data(self, token_data: dict) -> None:
        if token_data["refresh"]:
            raise HTTPException(403, "an access token, please")


class RefreshTokenBearer(TokenBearer):
    def verify_token_data(self, token_data: dict) -> None:
        if not token_data["refresh"]:
            raise HTTPException(403, "a refresh token, please")


@app.post("/tokens/{number}")
async def tokens(number: int) -> dict[str, str]:
    user = {"email": f"u{number}@example.com", "user_uid": str(uuid.uuid4()), "role": "user"}
    return {
        "access_token": create_token(user, timedelta(hours=1)),
        "refresh_token": create_token(user, timedelta(days=2), is_refresh=True),
    }


@app.get("/protected")
async def protected(_: dict = Depends(AccessTokenBearer())) -> dict[str, bool]:
    return {"ok": True}


@app.get("/refresh_token")
async def refresh(token_data: dict = Depends(RefreshTokenBearer())) -> dict[str, str]:
    return {"access_token": create_token(token_data["user"], timedelta(hours=1))}


gc.freeze()  # As in bench/app.py, for a fair comparison.
