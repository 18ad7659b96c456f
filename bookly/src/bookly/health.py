"""What an operator's machines ask: is the process alive, and can it answer?"""

from fastapi import APIRouter
from pydantic import BaseModel

from tokenpair.errors import Unavailable
from tokenpair.fastapi import AuthDep, ProblemRoute, problem_responses

router = APIRouter(prefix="/health", route_class=ProblemRoute, tags=["health"])


class Health(BaseModel):
    """All is well."""

    status: str = "ok"


@router.get("/live", summary="Is it alive?")
async def live() -> Health:
    """Tell that the process runs, whatever it depends on."""
    return Health()


@router.get("/ready", summary="Is it ready?", responses=problem_responses(Unavailable))
async def ready(auth: AuthDep) -> Health:
    """Tell that a request would be answered now. What is amiss, only the log says."""
    await auth.check()
    return Health()
