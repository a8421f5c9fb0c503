"""Jobs in the states that tests begin with."""

from __future__ import annotations

from fractions import Fraction

import redis

from gopfarm.plan import Plan
from gopfarm.results import TaskResult
from gopfarm.spec import JobSpec
from gopfarm.store import JobState, TaskStore
from tests.scheduler.facts import audio_facts, plan_of, source_facts, video_facts

SPEC = JobSpec(source="s3://films/film.mp4", destination="s3://streams/film", metadata={"id": 17})

#: One audio task and four video tasks.
PLAN = plan_of(source_facts(video_facts(750), audio_facts(duration=Fraction(30))))

TTL_SECONDS = 1000


def store_on(client: redis.Redis) -> TaskStore:
    """A store as every role of the farm opens it."""
    return TaskStore(client, TTL_SECONDS)


def begin(store: TaskStore, job_id: str, spec: JobSpec = SPEC, plan: Plan = PLAN) -> None:
    """Bring a new job to where its tasks can be given out."""
    assert store.create(job_id, spec)
    assert store.move(job_id, JobState.PROBING)
    assert store.move(job_id, JobState.PLANNING)
    assert store.start_encoding(job_id, plan)


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


def bring_to(store: TaskStore, job_id: str, state: JobState) -> None:
    """Create a job and lead it to a state."""
    assert store.create(job_id, SPEC)
    for step in PATHS[state]:
        assert store.move(job_id, step)


def result_of(task_id: str) -> TaskResult:
    """What a worker delivers."""
    return TaskResult(task_id, (), 100, 0, 2.0, 1.9, 50_000_000)
