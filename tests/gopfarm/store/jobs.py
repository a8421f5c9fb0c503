"""Jobs in the states that tests begin with."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import redis

from gopfarm.plan import Plan
from gopfarm.results import TaskResult
from gopfarm.spec import JobSpec
from gopfarm.store import Created, Given, JobState, TaskStore, keys
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts

SPEC = JobSpec(source="s3://films/film.mp4", destination="s3://streams/film", metadata={"id": 17})

#: One audio task and four video tasks.
PLAN = plan_of(source_facts(video_facts(750), audio_facts(duration=Fraction(30))))

TTL_SECONDS = 1000

QUEUE = "encode.cpu"


def store_on(client: redis.Redis) -> TaskStore:
    """A store as every role of the farm opens it."""
    return TaskStore(client, TTL_SECONDS)


def begin(
    store: TaskStore,
    job_id: str,
    spec: JobSpec = SPEC,
    plan: Plan = PLAN,
    finished: Mapping[str, TaskResult] | None = None,
    queues: Mapping[str, str] | None = None,
    costs: Mapping[str, float] | None = None,
) -> None:
    """Bring a new job to where its tasks can be given out."""
    assert store.create(job_id, spec) is Created.CREATED
    assert store.move(job_id, JobState.PROBING)
    assert store.move(job_id, JobState.PLANNING)
    assert open_tasks(store, job_id, plan, finished, queues, costs)


def open_tasks(
    store: TaskStore,
    job_id: str,
    plan: Plan = PLAN,
    finished: Mapping[str, TaskResult] | None = None,
    queues: Mapping[str, str] | None = None,
    costs: Mapping[str, float] | None = None,
) -> bool:
    """Open a plan's tasks, each of which is expected to take a second unless ``costs`` says otherwise."""
    where = queues or {task.id: QUEUE for task in plan.tasks}
    order = {task.id: rank for rank, task in enumerate(plan.tasks)}
    seconds = costs or {task.id: 1.0 for task in plan.tasks}
    return store.start_encoding(job_id, plan, where, order, seconds, finished or {})


def give_out(store: TaskStore, job_id: str, task_id: str) -> Given:
    """Give out the tasks of a job until the wanted one is; return it."""
    while (given := store.give_out(job_id, QUEUE)) is not None:
        if given.run == task_id:
            return given
    raise AssertionError(f"{task_id} does not wait")


def end_leases(client: redis.Redis) -> None:
    """Let the time of every lease be over."""
    for member in cast("list[str]", client.zrange(keys.LEASES, 0, -1)):
        client.zadd(keys.LEASES, {member: 1})


#: The states that lead to each state.
PATHS: dict[JobState, tuple[JobState, ...]] = {
    JobState.QUEUED: (),
    JobState.PROBING: (JobState.PROBING,),
    JobState.PLANNING: (JobState.PROBING, JobState.PLANNING),
    JobState.ENCODING: (JobState.PROBING, JobState.PLANNING, JobState.ENCODING),
    JobState.STITCHING: (JobState.PROBING, JobState.PLANNING, JobState.ENCODING, JobState.STITCHING),
    JobState.DONE: (
        JobState.PROBING,
        JobState.PLANNING,
        JobState.ENCODING,
        JobState.STITCHING,
        JobState.DONE,
    ),
    JobState.FAILED: (JobState.FAILED,),
    JobState.CANCELLED: (JobState.CANCELLED,),
}


def bring_to(store: TaskStore, job_id: str, state: JobState, spec: JobSpec = SPEC) -> None:
    """Create a job and lead it to a state."""
    assert store.create(job_id, spec) is Created.CREATED
    for step in PATHS[state]:
        assert store.move(job_id, step)


def result_of(task_id: str) -> TaskResult:
    """What a worker delivers."""
    return TaskResult(task_id, (), 100, 0, 2.0, 1.9, 50_000_000)
