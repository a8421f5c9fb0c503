"""Steps of a job that one scheduler at a time may do: probing and planning, and publishing.

A step is asked for by a message, and held under a lease. The store knows both, so that a step whose message
got lost, or whose scheduler died, is asked for again (``StepStore.call_again``).
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import cast

import redis

from gopfarm.child.parent import AbandonedError
from gopfarm.log import get_logger
from gopfarm.store import keys
from gopfarm.store.client import REDIS_FAULTS, now
from gopfarm.store.models import JobState
from gopfarm.store.scripts import Scripts

log = get_logger(__name__)

#: Seconds after which a step whose scheduler died is free again.
STEP_SECONDS = 10.0

_RENEW_SECONDS = 2.0

#: Seconds between the tries of a step that met a passing fault; doubled from try to try, up to the last.
_BACKOFF_SECONDS = 1.0
_MAX_BACKOFF_SECONDS = 30.0


class Step(enum.StrEnum):
    """The steps, by the name of the set that holds the jobs that are in them."""

    PREPARING = "preparing"
    PUBLISHING = "publishing"

    @property
    def actor(self) -> str:
        """The message that asks for the step."""
        return "prepare" if self is Step.PREPARING else "stitch"

    @property
    def states(self) -> tuple[JobState, ...]:
        """The states of a job in which there is something to do."""
        if self is Step.PREPARING:
            return (JobState.QUEUED, JobState.PROBING, JobState.PLANNING)
        return (JobState.ENCODING, JobState.STITCHING)


class ClaimedStep:
    """A step in hand."""

    def __init__(self, renew: Callable[[], bool]) -> None:
        self._renew = renew
        self.failed = False

    def fail(self) -> None:
        """Note that a try failed in passing: there is another after a pause that grows with the tries."""
        self.failed = True

    def is_ours(self) -> bool:
        """Tell whether the step is still this scheduler's, and hold it for a while longer if it is.

        One that stood still must ask before it does what another may have done meanwhile.
        """
        return self._renew()

    def insist(self) -> None:
        """Go on only if the step is still this scheduler's.

        Raises:
            AbandonedError: Another one has it, or the job has moved on.
        """
        if not self.is_ours():
            raise AbandonedError("the step is another scheduler's by now, or done")


class StepStore:
    """Who does which step of which job.

    Args:
        client: A connection that decodes responses.
        owner: Name of this scheduler.
    """

    def __init__(self, client: redis.Redis, owner: str) -> None:
        self._redis = client
        self._owner = owner
        self._scripts = Scripts(client)

    def waiting(self) -> list[str]:
        """Return the jobs that wait to be probed, the oldest first."""
        return cast("list[str]", self._redis.zrange(keys.QUEUED, 0, -1))

    def preparing(self) -> int:
        """Return how many jobs are being probed and planned, or have been called to it.

        Those that wait for long before another try take nobody's place.
        """
        return self._redis.zcount(keys.PREPARING, 0, now(self._redis) + STEP_SECONDS)

    def call(self, job_id: str) -> bool:
        """Ask the schedulers to probe and plan a job; False if it does not wait for that any more."""
        return bool(self._scripts.run("call_prepare", job_id))

    def call_again(self) -> list[tuple[Step, str]]:
        """Ask once more for every step of which nothing was heard for too long; return those."""
        called = []
        for step in Step:
            name = f"{keys.PREFIX}:{step}"
            for job_id in cast("list[str]", self._redis.zrangebyscore(name, 0, now(self._redis))):
                if self._scripts.run("call_again", job_id, step.value, step.actor):
                    called.append((step, job_id))
        return called

    def failing_seconds(self, job_id: str) -> float:
        """Return for how long the current step of a job has been failing in passing."""
        since = cast("str | None", self._redis.hget(keys.job(job_id), "step:since"))
        return now(self._redis) - float(since) if since else 0.0

    def tries(self, job_id: str) -> int:
        """Return how often the current step of a job has failed in passing."""
        return int(cast("str | None", self._redis.hget(keys.job(job_id), "step:tries")) or 0)

    @contextmanager
    def claim(self, step: Step, job_id: str) -> Iterator[ClaimedStep | None]:
        """Do a step of a job; yields None if another scheduler is at it, or it is done."""
        owner = f"{self._owner}#{threading.get_ident()}"
        states = ",".join(step.states)
        if not self._scripts.run("claim_step", job_id, step.value, owner, STEP_SECONDS, states):
            yield None
            return
        ended = threading.Event()

        def renew_once() -> bool:
            return bool(self._scripts.run("renew_step", job_id, step.value, owner, STEP_SECONDS))

        def renew() -> None:
            while not ended.wait(_RENEW_SECONDS):
                try:
                    renew_once()
                except REDIS_FAULTS as error:
                    log.warning("the claim on a job's step was not renewed", job=job_id, reason=str(error))

        renewer = threading.Thread(target=copy_context().run, args=(renew,), name="step", daemon=True)
        renewer.start()
        claimed = ClaimedStep(renew_once)
        try:
            yield claimed
        finally:
            ended.set()
            try:
                pause = min(_MAX_BACKOFF_SECONDS, _BACKOFF_SECONDS * 2 ** self.tries(job_id))
                self._scripts.run(
                    "release_step", job_id, step.value, owner, pause, 1 if claimed.failed else 0
                )
            except REDIS_FAULTS as error:
                log.warning("the claim on a job's step will run out by itself", job=job_id, reason=str(error))
