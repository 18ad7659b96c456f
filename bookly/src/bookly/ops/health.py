"""Liveness and readiness, for an operator's machines."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from bookly.ops.shared_look import SharedLook
from tokenpair import Auth, Condition, Health
from tokenpair.errors import Unavailable
from tokenpair.fastapi import PUBLIC, ProblemRoute, problem_responses
from tokenpair.stores.sql import Database

router = APIRouter(prefix="/health", route_class=ProblemRoute, tags=["health"])

SHARED_SECONDS = 1
"""Time for which one look at the health is the answer to all requests, in seconds."""


class Alive(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Checks(BaseModel):
    """The condition of each part. The reasons are in the log."""

    database: Condition
    migrations: Condition
    clock: Condition
    feed: Condition


class Ready(BaseModel):
    """Requests can be answered."""

    status: Literal["ok"] = "ok"
    checks: Checks


class NotReady(Unavailable):
    """Requests cannot be answered; `checks` in the response says which part fails."""

    def __init__(self, health: Health) -> None:
        super().__init__("; ".join(health.reasons))
        self.checks = _checks(health)

    @property
    def members(self) -> Mapping[str, Any]:
        """Return the parts."""
        return {"checks": self.checks.model_dump(mode="json")}


async def _shared_health(request: Request) -> SharedLook[Health]:
    look: SharedLook[Health] = request.app.state.health
    return look


@router.head("/live", include_in_schema=False)
@router.get("/live", summary="Is it alive?", openapi_extra=PUBLIC)
async def live() -> Alive:
    """Is the process running? What it depends on is not checked."""
    return Alive()


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    summary="Is it ready?",
    responses=problem_responses(Unavailable),
    openapi_extra=PUBLIC,
)
async def ready(look: Annotated[SharedLook[Health], Depends(_shared_health)]) -> Ready:
    """Could a request be answered now? If not, the `checks` say what fails.

    The answer is at most a second old.
    """
    health = await look()
    if not health.is_ready:
        raise NotReady(health)
    return Ready(checks=_checks(health))


def shared_health(auth: Auth, database: Database) -> SharedLook[Health]:
    """Return a look at the library and at Bookly's own tables, at most once a second.

    More requests, of an attacker or of an operator's machines, cause no more queries.
    """

    async def look() -> Health:
        librarys, ours = await asyncio.gather(auth.health(), database.health())
        return replace(
            librarys,
            database=_worse(librarys.database, ours.database),
            migrations=_worse(librarys.migrations, ours.migrations),
            # Both name the same outage of the database.
            reasons=tuple(dict.fromkeys(librarys.reasons + ours.reasons)),
        )

    return SharedLook(look, seconds=SHARED_SECONDS)


def _worse(one: Condition, other: Condition) -> Condition:
    by_badness = (Condition.FAILING, Condition.UNKNOWN, Condition.OK)
    return min(one, other, key=by_badness.index)


def _checks(health: Health) -> Checks:
    return Checks(
        database=health.database,
        migrations=health.migrations,
        clock=health.clock,
        feed=health.feed,
    )
