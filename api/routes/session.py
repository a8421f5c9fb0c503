"""Who the caller is."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import AnyCaller
from api.models import Session
from api.problems import documented
from api.routes import V1

router = APIRouter(prefix=V1, tags=["session"])


@router.get(
    "/token",
    operation_id="getToken",
    summary="Ask what a token allows",
    response_model=Session,
    responses=documented(),
)
async def get_token(caller: AnyCaller) -> Session:
    """Tell the name, scopes and tenants of the token that was sent. Any token may ask."""
    return Session(
        name=caller.name,
        scopes=sorted(caller.scopes),
        tenants=None if caller.tenants is None else sorted(caller.tenants),
    )
