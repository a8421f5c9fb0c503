"""The farm as a whole."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.auth import Caller, FarmReader
from api.problems import documented
from api.routes import V1
from api.services import Farm
from gopfarm.store.farmview import FarmView

router = APIRouter(prefix=V1, tags=["farm"])


@router.get(
    "/farm",
    operation_id="getFarm",
    summary="Get the farm",
    response_model=FarmView,
    responses=documented(),
)
def get_farm(farm: Farm, caller: FarmReader) -> Response:
    """Tell slots, workers, schedulers, what is waiting and for whom.

    It is a second old at most, on a very large farm some seconds. A token for some
    tenants sees these among the tenants, and not who works for whom.
    """
    view = _for_tenants(farm.overview.farm(), caller)
    # Written here: the framework would take thousands of rows apart once more.
    return Response(view.model_dump_json(), media_type="application/json")


def _for_tenants(view: FarmView, caller: Caller) -> FarmView:
    if caller.tenants is None:
        return view
    return view.model_copy(
        update={
            "tenants": tuple(row for row in view.tenants if caller.sees(row.tenant)),
            "workers": tuple(row.model_copy(update={"tasks": ()}) for row in view.workers),
        }
    )
