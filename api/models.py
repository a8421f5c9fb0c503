"""What the HTTP API answers about jobs, beyond what the store's own models say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gopfarm.spec import PublishMode
from gopfarm.store import Failure, JobState, JobView

#: A job as examples show it.
_EXAMPLE: dict[str, Any] = {
    "id": "90d54dbe-b486-5c4d-b3c6-647ed2730280",
    "state": "encoding",
    "tenant": "school",
    "priority": 7,
    "source": "s3://media/uploads/42.mp4",
    "destination": "s3://media/streams/42",
    "metadata": {"course": 7},
    "times": {
        "queued": 1795500748.1,
        "probing": 1795500748.2,
        "planning": 1795500748.8,
        "encoding": 1795500748.9,
    },
    "error_kind": None,
    "error": None,
    "failures": [],
    "retries": 0,
    "plan_hash": "0a1b2c3d4e5f",
    "tasks": 40,
    "tasks_done": 13,
    "progress": 0.325,
    "master": None,
}


class Job(JobView):
    """A job. Addresses are told without users, passwords and queries."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": _EXAMPLE})

    id: str = Field(description="The job's id.")
    state: JobState = Field(description="Where it is; done, failed and cancelled are the ends.")
    tenant: str = Field(description="Who it belongs to.")
    priority: int = Field(ge=0, le=9, description="9 is the most urgent, 0 the least.")
    source: str = Field(description="What is transcoded.")
    destination: str = Field(description="The folder or prefix that it is published under.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="As it was submitted.")
    times: dict[str, float] = Field(
        default_factory=dict,
        description="When it came into each state, in seconds since 1970; `playable` is when a progressive "
        "job could be watched.",
    )
    error_kind: str | None = Field(default=None, description="Why it failed, as a stable word.")
    error: str | None = Field(default=None, description="Why it failed, for people.")
    failures: tuple[Failure, ...] = Field(
        default=(),
        description="Attempts at its tasks that failed, oldest first. Lists tell only the last three.",
    )
    trace_id: str | None = Field(default=None, description="The trace that it belongs to, also in logs.")
    retries: int = Field(default=0, description="How often the whole job was sent through again.")
    plan_hash: str | None = Field(
        default=None, description="The plan, which folders of segments are named by."
    )
    tasks: int = Field(default=0, description="Its tasks; 0 before it is planned.")
    tasks_done: int = Field(default=0, description="Those that are done.")
    progress: float = Field(default=0.0, ge=0, le=1, description="The share of its tasks that is done.")
    master: str | None = Field(default=None, description="The HLS master playlist, once there is one.")


class JobDetails(Job):
    """A job, with what was asked for and what is expected of it."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": _EXAMPLE
            | {
                "profile": "standard",
                "publish": "whole",
                "webhook": "hooks.example.com",
                "playable": False,
                "player": None,
                "eta_seconds": 81.5,
                "expected_price": 0.021,
            }
        },
    )

    profile: str | None = Field(default=None, description="Name of its profile.")
    publish: PublishMode | None = Field(default=None, description="When viewers see the stream.")
    webhook: str | None = Field(default=None, description="The host that hears of it.")
    playable: bool = Field(description="Whether it can be watched, in part or as a whole.")
    player: str | None = Field(
        default=None, description="Path of the page that plays it here, where there is something to see."
    )
    eta_seconds: float | None = Field(
        default=None, ge=0, description="Seconds until its last task ends, with the slots that it has now."
    )
    expected_price: float | None = Field(
        default=None, ge=0, description="What it will have cost, where GOPFARM_SLOT_HOUR_PRICE is set."
    )


class JobsPage(BaseModel):
    """Jobs, newest first. With `next` as the cursor the next page is asked for; null: this is the last.

    A page may have fewer jobs than the limit, or none, and still not be the last: one request looks at a
    bounded number of jobs.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"jobs": [_EXAMPLE], "next": None}})

    jobs: list[Job]
    next: str | None


class Failures(BaseModel):
    """The attempts at a job's tasks that failed, oldest first."""

    failures: tuple[Failure, ...]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Priority(BaseModel):
    """How urgent a job is to be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"priority": 9}})

    # JSON knows no integers: 9.0 is one. "9" and true are none.
    priority: Annotated[int, BeforeValidator(_whole)] = Field(
        ge=0, le=9, strict=True, description="9 is the most urgent, 0 the least."
    )


class Session(BaseModel):
    """Whose token was sent, and what it allows."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "backend", "scopes": ["jobs:read", "jobs:write"], "tenants": ["school"]}
        }
    )

    name: str | None = Field(description="The token's name; null where no token is needed.")
    scopes: list[str] = Field(description="What it allows.")
    tenants: list[str] | None = Field(description="The tenants whose jobs it sees and makes; null: all.")
