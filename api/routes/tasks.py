"""How far the tasks of a job are."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.auth import JobsReader
from api.jobviews import JobId, check_visible, no_such_job
from api.problems import documented
from api.routes import V1
from api.services import Farm
from gopfarm.store.chunkmap import ChunkMap

router = APIRouter(prefix=f"{V1}/jobs/{{job_id}}", tags=["jobs"])


@router.get(
    "/tasks",
    operation_id="getTasks",
    summary="Get the map of a job's chunks",
    response_model=ChunkMap,
    responses=documented(404),
)
def get_tasks(farm: Farm, caller: JobsReader, job_id: JobId) -> Response:
    """Tell which task makes which renditions of which chunk, and how far each is.

    A film of hours has thousands of tasks. Before a job is planned, and from a minute after its end, there
    are none; its report then has what they took.
    """
    check_visible(farm, caller, job_id)
    found = farm.chunk_maps.of(job_id)
    if found is None:
        raise no_such_job(job_id)
    # Written here: the framework would take thousands of rows apart once more.
    return Response(found.model_dump_json(), media_type="application/json")
