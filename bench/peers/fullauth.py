"""fastapi-fullauth on SQLAlchemy and PostgreSQL, with rotation and a block list in memory.

It reads the user for each request. Its rate limit is off, because it would refuse the load.
"""

import gc
import os
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi_fullauth import FullAuth, FullAuthConfig
from fastapi_fullauth.adapters import SQLAlchemyAdapter
from fastapi_fullauth.dependencies import current_user
from fastapi_fullauth.flows.tokens import issue_token_pair
from fastapi_fullauth.models.sqlalchemy import RefreshTokenMixin, UserMixin
from fastapi_fullauth.types import CreateUserSchema
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

engine = create_async_engine(
    os.environ["BENCH_DATABASE_URL"].replace("postgresql", "postgresql+asyncpg")
)


class Base(DeclarativeBase):
    pass


class RefreshToken(RefreshTokenMixin, Base):
    pass


class User(UserMixin, Base):
    refresh_tokens: Mapped[list[RefreshToken]] = relationship(lazy="raise", passive_deletes=True)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)
fullauth = FullAuth(
    adapter=SQLAlchemyAdapter(
        async_sessionmaker(engine, expire_on_commit=False),
        user_model=User,
        refresh_token_model=RefreshToken,
    ),
    config=FullAuthConfig(SECRET_KEY=secrets.token_hex(32), AUTH_RATE_LIMIT_ENABLED=False),
)
fullauth.init_app(app)


@app.post("/tokens/{number}")
async def tokens() -> dict[str, str]:
    account = CreateUserSchema(email=f"{uuid.uuid4()}@example.com", password=secrets.token_hex())
    user = await fullauth.adapter.create_user(account, hashed_password="not a hash")
    pair = await issue_token_pair(fullauth.adapter, fullauth.token_engine, user)
    return {"access_token": pair.access_token, "refresh_token": pair.refresh_token}


@app.get("/protected", dependencies=[Depends(current_user)])
async def protected() -> dict[str, bool]:
    return {"ok": True}


gc.freeze()  # As in bench/app.py, for a fair comparison.
