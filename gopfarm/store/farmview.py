"""What the store tells about the farm as a whole."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QueueSlots(_View):
    """The slots that take tasks from a queue, and what they have to do."""

    total: int = Field(description="Slots that live workers have announced.")
    busy: int = Field(description="Slots that run a task.")
    waiting: int = Field(description="Tasks without a result that no worker has.")
    backlog_slot_seconds: float = Field(
        description="What all work that is not done is expected to take at one slot, in seconds."
    )


class WorkerTask(_View):
    """A task that a worker runs."""

    job: str = Field(description="Id of the job.")
    task: str = Field(description="Id of the task; with ~ at its end for a speculative twin.")
    elapsed: float = Field(description="Seconds since it was started.")
    done: float = Field(description="Share of it that is done, from 0 to 1.")


class WorkerRow(_View):
    """A live worker."""

    id: str = Field(description="Id of the worker.")
    host: str = Field(description="Name of its host.")
    slots: dict[str, int] = Field(description="How many tasks it can run at a time, by queue.")
    encoders: tuple[str, ...] = Field(description="Video encoders that it has.")
    seen_seconds_ago: float = Field(description="Since when it has not announced itself, in seconds.")
    running: int = Field(description="How many tasks it runs.")
    tasks: tuple[WorkerTask, ...] = Field(
        description="Those tasks; on a very large farm left out for the workers that are last by their ids."
    )


class SchedulerRow(_View):
    """A live scheduler."""

    id: str = Field(description="Id of the scheduler.")
    leads: bool = Field(description="Whether it is the one that gives out tasks.")


class TenantRow(_View):
    """A tenant that has jobs which have not ended."""

    tenant: str = Field(description="Name of the tenant.")
    weight: float = Field(description="Its share of the slots, against others'.")
    jobs: int = Field(description="Jobs that have not ended.")
    queued: int = Field(description="Tasks that wait.")
    running: int = Field(description="Tasks that workers run.")
    share: float = Field(description="Its share of all tasks that workers run, from 0 to 1.")


class Webhooks(_View):
    """Webhooks that are still to be delivered, or were given up."""

    waiting: int = Field(description="Still to be delivered.")
    dead: int = Field(description="Given up.")
    oldest_seconds: float = Field(description="Age of the oldest that waits, in seconds; 0 if none does.")


class Throughput(_View):
    """What the farm got done in the last one to two minutes."""

    tasks_per_minute: float = Field(description="Tasks done in a minute.")
    media_seconds_per_second: float = Field(
        description="Seconds of films done in a second: each task counts as the part of its film that it is "
        "of all the film's work."
    )


class FarmView(_View):
    """The farm at a moment."""

    now: float = Field(description="When this was so, by Redis' clock, in seconds since 1970.")
    slots: dict[str, QueueSlots] = Field(description="Slots and their work, by queue.")
    workers: tuple[WorkerRow, ...] = Field(description="Live workers, by id.")
    schedulers: tuple[SchedulerRow, ...] = Field(description="Live schedulers, by id.")
    jobs: dict[str, int] = Field(description="Jobs that have not ended, by state.")
    tenants: tuple[TenantRow, ...] = Field(description="Tenants that have jobs, by name.")
    priorities: dict[str, int] = Field(description="Jobs that have not ended, by priority, from 0 to 9.")
    webhooks: Webhooks
    throughput: Throughput
