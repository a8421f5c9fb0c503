"""Whether this process lives, and whether it can serve: for load balancers and Kubernetes."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.problems import documented
from api.services import Farm

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process lives."""

    status: str = Field(default="ok", description="Always ok.")


class Ready(BaseModel):
    """The API can serve.

    It does so without a scheduler too: submissions wait in Redis. Whether one lives is told, not judged, so
    that schedulers which start anew do not take the API away with them.
    """

    status: str = Field(default="ok", description="Always ok; else the answer is a problem.")
    schedulers: int = Field(ge=0, description="Schedulers that were heard of in the last 15 s.")


@router.get("/healthz", operation_id="getHealth", summary="Ask whether the process lives")
async def get_health() -> Alive:
    """Answer, whatever the farm is like."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Ask whether requests can be served",
    responses={503: documented()[503]},
)
def get_readiness(farm: Farm) -> Ready:
    """Tell that Redis answers, and how many schedulers live."""
    return Ready(schedulers=len(farm.fleet.schedulers()))
