"""The farm's memory in Redis: jobs, tasks, leases, workers."""

from gopfarm.store.client import REDIS_FAULTS, connect, reachable, without_secret
from gopfarm.store.fleet import ANNOUNCE_SECONDS, Fleet
from gopfarm.store.jobs import JobStore
from gopfarm.store.models import JobState, JobView, WorkerView
from gopfarm.store.steps import step
from gopfarm.store.tasks import Finish, GivenBack, StartedTask, TaskStore

__all__ = [
    "ANNOUNCE_SECONDS",
    "REDIS_FAULTS",
    "Finish",
    "Fleet",
    "GivenBack",
    "JobState",
    "JobStore",
    "JobView",
    "StartedTask",
    "TaskStore",
    "WorkerView",
    "connect",
    "reachable",
    "step",
    "without_secret",
]
