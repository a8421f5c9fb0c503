"""Webhooks of jobs: which wait, which were given up, and sending one again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.auth import Caller, JobsReader, WebhooksWriter
from api.jobviews import check_visible
from api.problems import Problem, documented
from api.routes import V1
from api.services import Farm, Services
from gopfarm.log import get_logger
from gopfarm.store.deliveries import DeliveryView
from scheduler.intake import JOB_ID

log = get_logger(__name__)

router = APIRouter(prefix=f"{V1}/webhooks", tags=["webhooks"])

#: Webhooks of a list, at most and by default.
_MOST, _USUAL = 1000, 100

#: A webhook's id in a path.
DeliveryId = Annotated[
    str,
    Path(
        pattern=f"^{JOB_ID}:[0-9]{{1,9}}$",
        description="The webhook's id.",
        examples=["90d54dbe-b486-5c4d-b3c6-647ed2730280:1"],
    ),
]


class WebhooksPage(BaseModel):
    """Webhooks: those that wait, oldest event first, or those that were given up, latest first."""

    webhooks: list[DeliveryView] = Field(description="What each tells of, to whom, and what became of it.")


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List webhooks",
    response_model=WebhooksPage,
    responses=documented(404),
)
def list_webhooks(
    farm: Farm,
    caller: JobsReader,
    state: Annotated[
        Literal["waiting", "dead"] | None,
        Query(description="Those that are still to be delivered (the default), or those that were given up."),
    ] = None,
    job: Annotated[
        str | None,
        Query(
            pattern=f"^{JOB_ID}$",
            description="Those of one job; without a `state`, those that were delivered too.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="At most so many.")] = _USUAL,
) -> WebhooksPage:
    """List the webhooks of the caller's jobs.

    Of a farm with many tenants, a token for some of them sees what is theirs among the first thousand.
    """
    if job is not None:
        check_visible(farm, caller, job)
        views = [view for view in farm.deliveries.of_job(job) if state in (None, view.state)]
        return WebhooksPage(webhooks=views[:limit])
    most = limit if caller.tenants is None else _MOST
    found = farm.deliveries.dead(most) if state == "dead" else farm.deliveries.waiting(most)
    return WebhooksPage(webhooks=_visible(farm, caller, found)[:limit])


@router.get(
    "/{webhook_id}",
    operation_id="getWebhook",
    summary="Get a webhook",
    response_model=DeliveryView,
    responses=documented(404),
)
def get_webhook(farm: Farm, caller: JobsReader, webhook_id: DeliveryId) -> DeliveryView:
    """Show one webhook: what it tells, to whom, and what became of it."""
    return _webhook(farm, caller, webhook_id)


@router.post(
    "/{webhook_id}/replay",
    operation_id="replayWebhook",
    summary="Send a webhook again",
    response_model=DeliveryView,
    responses=documented(404),
)
def replay_webhook(farm: Farm, caller: WebhooksWriter, webhook_id: DeliveryId) -> DeliveryView:
    """Make a webhook due now, with the same id and all its tries before it, whatever became of it."""
    _webhook(farm, caller, webhook_id)
    if not farm.deliveries.replay(webhook_id):
        raise _unknown(webhook_id)
    log.info("webhook to be sent again", webhook=webhook_id)
    return _webhook(farm, caller, webhook_id)


def _webhook(farm: Services, caller: Caller, webhook_id: str) -> DeliveryView:
    view = farm.deliveries.delivery(webhook_id)
    if view is None or not caller.sees(farm.jobs.tenant(view.job)):
        raise _unknown(webhook_id)
    return view


def _visible(farm: Services, caller: Caller, views: list[DeliveryView]) -> list[DeliveryView]:
    if caller.tenants is None:
        return views
    tenants = farm.jobs.tenants(view.job for view in views)
    return [view for view in views if caller.sees(tenants[view.job])]


def _unknown(webhook_id: str) -> Problem:
    return Problem("not-found", f"there is no webhook {webhook_id}")
