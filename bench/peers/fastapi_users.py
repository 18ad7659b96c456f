"""fastapi-users on SQLAlchemy and PostgreSQL: the JWT strategy and the database strategy.

Both read the user for each request, the second also its token. There is no refresh token.
"""

import gc
import os
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.schemas import BaseUserCreate
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = secrets.token_hex(32)
LIFETIME = 3600
engine = create_async_engine(
    os.environ["BENCH_DATABASE_URL"].replace("postgresql", "postgresql+asyncpg")
)
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


async def get_user_manager(session: AsyncSession = Depends(get_session)) -> UserManager:
    return UserManager(SQLAlchemyUserDatabase(session, User))


def get_jwt_strategy() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=LIFETIME)


def get_database_strategy(session: AsyncSession = Depends(get_session)) -> DatabaseStrategy:
    return DatabaseStrategy(
        SQLAlchemyAccessTokenDatabase(session, AccessToken), lifetime_seconds=LIFETIME
    )


def dependency(name: str, get_strategy: object) -> object:
    transport = BearerTransport(tokenUrl=f"{name}/login")
    backend = AuthenticationBackend(name=name, transport=transport, get_strategy=get_strategy)
    return FastAPIUsers[User, uuid.UUID](get_user_manager, [backend]).current_user(active=True)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)


users: dict[int, User] = {}


@app.post("/tokens/{number}")
async def tokens(
    number: int,
    manager: UserManager = Depends(get_user_manager),
    strategy: DatabaseStrategy = Depends(get_database_strategy),
) -> dict[str, str]:
    if number not in users:  # A hash takes a long time.
        account = BaseUserCreate(email=f"u{number}@example.com", password=secrets.token_hex())
        users[number] = await manager.create(account)
    return {
        "access_token": await get_jwt_strategy().write_token(users[number]),
        "database_token": await strategy.write_token(users[number]),
    }


@app.get("/protected", dependencies=[Depends(dependency("jwt", get_jwt_strategy))])
async def protected() -> dict[str, bool]:
    return {"ok": True}


@app.get("/protected-by-row", dependencies=[Depends(dependency("row", get_database_strategy))])
async def protected_by_row() -> dict[str, bool]:
    return {"ok": True}


gc.freeze()  # As in bench/app.py, for a fair comparison.
