"""The farm's memory in Redis: jobs, tasks, leases, workers."""

from gopfarm.store.board import Board, JobRuns, RunningTask, WaitingJob
from gopfarm.store.census import LIVE_STATES, Census, CensusTaker
from gopfarm.store.client import REDIS_FAULTS, connect, is_passing, reachable, without_secret
from gopfarm.store.ends import Ended, EndedJob
from gopfarm.store.fleet import ANNOUNCE_SECONDS, Fleet
from gopfarm.store.jobs import Created, JobStore
from gopfarm.store.locks import Leadership, destination_lock
from gopfarm.store.models import PRIORITIES, Failure, Growing, JobState, JobView, WorkerView
from gopfarm.store.steps import ClaimedStep, Step, StepStore
from gopfarm.store.tasks import TWIN, Finish, Given, GivenBack, Renewal, StartedTask, TaskStore, Wanted

__all__ = [
    "ANNOUNCE_SECONDS",
    "LIVE_STATES",
    "PRIORITIES",
    "REDIS_FAULTS",
    "TWIN",
    "Board",
    "Census",
    "CensusTaker",
    "ClaimedStep",
    "Created",
    "Ended",
    "EndedJob",
    "Failure",
    "Finish",
    "Fleet",
    "Given",
    "GivenBack",
    "Growing",
    "JobRuns",
    "JobState",
    "JobStore",
    "JobView",
    "Leadership",
    "Renewal",
    "RunningTask",
    "StartedTask",
    "Step",
    "StepStore",
    "TaskStore",
    "WaitingJob",
    "Wanted",
    "WorkerView",
    "connect",
    "destination_lock",
    "is_passing",
    "reachable",
    "without_secret",
]
