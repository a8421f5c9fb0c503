"""The store against a model: whatever crashes, comes twice, too late or is cancelled, the invariants hold.

The machine plays schedulers and workers that do everything real ones may do, in any order, on a real Valkey.
The model knows only what was promised: which tasks have a result, how often each was started, and in which
state the job may be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as run_machine

from gopfarm.errors import EncodeError, SourceError
from gopfarm.store import (
    LIVE_STATES,
    PRIORITIES,
    TWIN,
    Board,
    CensusTaker,
    Created,
    Finish,
    Given,
    GivenBack,
    JobState,
    StartedTask,
    TaskStore,
    keys,
)
from gopfarm.store.models import TRANSITIONS
from gopfarm.store.steps import Step, StepStore
from tests.gopfarm.store.jobs import PLAN, QUEUE, SPEC, open_tasks, result_of, store_on

#: Few tasks, so that what happens meets again what happened before.
SMALL = replace(PLAN, tasks=PLAN.tasks[:2])
IDS = [task.id for task in SMALL.tasks]
COSTS = {task: 0.1 + 1.001 * number for number, task in enumerate(IDS)}
MAX_ATTEMPTS = 3
PROGRESSIVE = SPEC.model_copy(update={"publish": "progressive"})
JOBS = st.sampled_from(["j1", "j2"])

#: Ends are drawn rarely: little can happen to a job after its own.
RARELY = st.integers(0, 5).map(lambda drawn: drawn == 3)


class Farm(RuleBasedStateMachine):
    """Jobs, and the runs that workers hold or believe to hold."""

    client: redis.Redis

    messages = Bundle("messages")
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.store: TaskStore = store_on(self.client)
        self.board = Board(self.client)
        self.steps = StepStore(self.client, "s")
        self.state: dict[str, JobState] = {}
        self.done: dict[str, set[str]] = {}
        self.starts: dict[str, dict[str, int]] = {}
        self.priority: dict[str, int] = {}
        self.nonce = 0

    # Schedulers.

    @rule(job=JOBS)
    def submit(self, job: str) -> None:
        created = self.store.create(job, PROGRESSIVE if job == "j1" else SPEC)
        assert created is (Created.KNOWN if job in self.state else Created.CREATED)
        self.state.setdefault(job, JobState.QUEUED)

    @rule(job=JOBS, to=st.sampled_from([JobState.PROBING, JobState.PLANNING]))
    def move(self, job: str, to: JobState) -> None:
        moved = self.store.move(job, to)
        assert moved is (self.state.get(job) in TRANSITIONS[to])
        if moved:
            self.state[job] = to

    @rule(job=JOBS, before=st.sets(st.sampled_from(IDS)))
    def plan(self, job: str, before: set[str]) -> None:
        finished = {task: result_of(task) for task in before}
        begun = open_tasks(self.store, job, SMALL, finished=finished, costs=COSTS)
        assert begun is (self.state.get(job) is JobState.PLANNING)
        if begun:
            self.state[job] = JobState.ENCODING
            self.done[job], self.starts[job] = set(before), {}

    @initialize()
    def begin(self) -> None:
        self.prepare("j1", set())

    @rule(job=JOBS, before=st.sets(st.sampled_from(IDS), max_size=1))
    def prepare(self, job: str, before: set[str]) -> None:
        """The whole way to encoding at once: most of what can happen happens there."""
        self.submit(job)
        self.move(job, JobState.PROBING)
        self.move(job, JobState.PLANNING)
        self.plan(job, before)

    @rule(target=messages, job=JOBS)
    def give_out(self, job: str) -> Any:
        given = self.store.give_out(job, QUEUE)
        if given is None:
            return multiple()
        assert self.state[job] is JobState.ENCODING
        assert given.run not in self.done[job]
        return given

    @rule(target=messages, job=JOBS, task=st.sampled_from(IDS))
    def give_twin(self, job: str, task: str) -> Any:
        if not self.store.give_twin(job, task):
            return multiple()
        assert task not in self.done[job]
        message = self.store.queued([job])[job][task + TWIN]
        return Given(job, task + TWIN, QUEUE, message, 1.0)

    @rule(given=messages)
    def recall(self, given: Given) -> None:
        self.store.recall(given)

    @rule(job=JOBS, priority=st.integers(0, 9))
    def set_priority(self, job: str, priority: int) -> None:
        outcome = self.store.set_priority(job, priority)
        state = self.state.get(job)
        assert outcome == ("changed" if state is not None and not state.ended else state or "")
        if outcome == "changed":
            self.priority[job] = priority

    @rule(given=messages)
    def lose_message(self, given: Given) -> None:
        """A process fetches a message and dies."""
        self.client.lrem(keys.queue(QUEUE), 1, given.message)
        self.store.requeue_lost(given.job, given.run, given.message)

    @rule(job=JOBS)
    def publish(self, job: str) -> None:
        if self.state.get(job) is JobState.ENCODING and self.done[job] != set(IDS):
            return  # the stitcher's own check would refuse it
        moved = self.store.move(job, JobState.STITCHING)
        assert moved is (self.state.get(job) in (JobState.ENCODING, JobState.STITCHING))
        if moved:
            self.state[job] = JobState.STITCHING

    @rule(job=JOBS)
    def published(self, job: str) -> None:
        moved = self.store.move(job, JobState.DONE)
        assert moved is (self.state.get(job) is JobState.STITCHING)
        if moved:
            self.state[job] = JobState.DONE

    @rule(job=JOBS, now=RARELY)
    def cancel(self, job: str, now: bool) -> None:
        if not now:
            return
        cancelled = self.store.cancel(job)
        assert cancelled is (self.state.get(job) in TRANSITIONS[JobState.CANCELLED])
        if cancelled:
            self.state[job] = JobState.CANCELLED

    @rule(job=JOBS, now=RARELY)
    def fail(self, job: str, now: bool) -> None:
        if not now:
            return
        failed = self.store.fail(job, SourceError("gone"))
        assert failed is (self.state.get(job) in TRANSITIONS[JobState.FAILED])
        if failed:
            self.state[job] = JobState.FAILED

    @rule(job=JOBS)
    def retry(self, job: str) -> None:
        """And what the job was given before the retry may still be under way."""
        retried = self.store.retry(job) == "retried"
        assert retried is (self.state.get(job) in (JobState.FAILED, JobState.CANCELLED))
        if retried:
            self.state[job] = JobState.QUEUED
            self.done.pop(job, None)
            self.starts.pop(job, None)

    # Workers.

    @rule(target=runs, given=messages, worker=st.sampled_from("ab"), falls_silent=st.booleans())
    def start(self, given: Given, worker: str, falls_silent: bool) -> Any:
        """A message is delivered: for the first time, again, or long after its time.

        A worker that falls silent loses its lease, but may come back and do all that others do.
        """
        lease = 0.0 if falls_silent else 15.0
        self.client.lrem(keys.queue(QUEUE), 1, given.message)
        self.nonce += 1
        token = f"{worker}#{self.nonce}"
        before = self.client.hget(keys.owners(given.job), given.run)
        started = self.store.start(given.job, given.run, token, lease, given.message)
        if isinstance(started, str):
            return multiple()
        task = given.run.removesuffix(TWIN)
        assert self.state[given.job] is JobState.ENCODING
        assert task not in self.done[given.job], "what is done is never begun again"
        if given.run == task:
            counts = self.starts[given.job]
            counts[task] = counts.get(task, 0) + 1
            assert started == StartedTask(next(one for one in SMALL.tasks if one.id == task), counts[task])
        assert self.store.start(given.job, given.run, token, lease) == started, "asking twice is asking once"
        assert before != token
        if falls_silent:
            self.time_passes()
        return given.job, given.run, token

    @rule(run=runs, lease=st.sampled_from([15.0, 0.0]))
    def renew(self, run: tuple[str, str, str], lease: float) -> None:
        job, name, token = run
        wanted = self.store.renew(job, name, token, lease, 1, PLAN.hash)
        if wanted:
            assert self.state[job] is JobState.ENCODING
            assert name.removesuffix(TWIN) not in self.done[job]
            assert self.client.hget(keys.owners(job), name) == token

    @rule(run=runs)
    def finish(self, run: tuple[str, str, str]) -> None:
        """A result comes: from the owner, from one that lost the task, or for the second time."""
        job, name, token = run
        task = name.removesuffix(TWIN)
        outcome = self.store.finish(job, name, token, result_of(task), 1, PLAN.hash)
        if self.state[job] is not JobState.ENCODING:
            assert outcome is Finish.UNWANTED
        elif task in self.done[job]:
            assert outcome is Finish.DUPLICATE
        else:
            self.done[job].add(task)
            assert outcome is (Finish.LAST if self.done[job] == set(IDS) else Finish.DONE)

    @rule(run=runs, harmless=st.booleans())
    def give_back(self, run: tuple[str, str, str], harmless: bool) -> None:
        job, name, token = run
        owned = self.client.hget(keys.owners(job), name) == token
        error = None if harmless else EncodeError("crash")
        outcome = self.store.give_back(job, name, token, MAX_ATTEMPTS, error)
        self._given_back(job, name, outcome, owned, counted=not harmless)

    @rule()
    def time_passes(self) -> None:
        """Every lease that was not renewed in time is over, and the farm notices."""
        owners = {job: self.client.hgetall(keys.owners(job)) for job in self.state}
        for job, name, outcome in self.store.take_expired(MAX_ATTEMPTS):
            self._given_back(job, name, outcome, name in owners.get(job, {}), counted=True)

    def _given_back(self, job: str, name: str, outcome: GivenBack, owned: bool, counted: bool) -> None:
        if outcome is GivenBack.UNWANTED:
            return
        assert self.state[job] is JobState.ENCODING
        assert name not in self.done[job]
        attempts = self.starts[job].get(name, 0)
        if outcome is GivenBack.FAILED:
            assert owned
            assert attempts >= MAX_ATTEMPTS
            self.state[job] = JobState.FAILED
        elif owned and not counted:
            self.starts[job][name] -= 1

    # What holds at every moment.

    @invariant()
    def states_are_as_the_model_says(self) -> None:
        for job, state in self.state.items():
            assert self.store.state(job) is state
            if state is JobState.ENCODING:
                assert {result.task for result in self.store.results(job)} == self.done[job]
                counted = {task: count for task, count in self.store.attempts(job).items() if count}
                assert counted == {task: count for task, count in self.starts[job].items() if count}

    @invariant()
    def no_task_is_lost(self) -> None:
        """Each open task is in exactly one place: it waits, lies in a queue under a lease, or is run."""
        for job, state in self.state.items():
            waiting = set(self.client.zrange(keys.pending(job, QUEUE), 0, -1))
            queued, owned = set(self.store.queued([job])[job]), set(self.client.hkeys(keys.owners(job)))
            leased = {
                member.partition(" ")[2]
                for member in self.client.zrange(keys.LEASES, 0, -1)
                if member.startswith(f"{job} ")
            }
            assert leased == queued | owned
            if state is not JobState.ENCODING:
                assert not waiting | queued
                continue
            for task in set(IDS) - self.done[job]:
                assert (task in waiting) + (task in queued) + (task in owned) == 1, task
            assert not waiting & self.done[job]

    @invariant()
    def what_is_to_be_done_is_counted_right(self) -> None:
        """The sums that metrics tell are those over the tasks themselves; no job that has ended has any."""
        census = CensusTaker(self.client).take([QUEUE])
        opened = {
            (job, task)
            for job, state in self.state.items()
            if state is JobState.ENCODING
            for task in set(IDS) - self.done[job]
        }
        owned = {(job, task) for job, task in opened if self.client.hexists(keys.owners(job), task)}
        count = census.queues[QUEUE]
        assert (count.waiting, count.running) == (len(opened - owned), len(owned))
        assert count.seconds == pytest.approx(sum(COSTS[task] for _, task in opened), abs=1e-9)
        assert {state: counted.jobs for state, counted in census.states.items()} == {
            state: list(self.state.values()).count(state) for state in LIVE_STATES
        }
        planless = (JobState.QUEUED, JobState.PROBING, JobState.PLANNING)
        assert census.unplanned == {
            "auto": sum(state in planless for state in self.state.values()),
            "libx264": 0,
            "nvenc": 0,
        }
        for job, state in self.state.items():
            if state not in (JobState.ENCODING, JobState.STITCHING):
                names = self.client.hkeys(keys.job(job))
                assert not [name for name in names if name.startswith(("open:", "left:", "running:"))]

    @invariant()
    def the_lists_are_right(self) -> None:
        live = {job for job, state in self.state.items() if not state.ended}
        assert set(self.store.live_jobs()) == live
        assert self.client.smembers(keys.tenant_jobs("default")) == live
        for priority in PRIORITIES:
            of_it = {job for job in live if self.priority.get(job, SPEC.priority) == priority}
            assert self.client.smembers(keys.priority(priority)) == of_it
        leases = set(self.client.zrange(keys.LEASES, 0, -1))
        assert self.client.smembers(keys.tenant_runs("default")) == leases
        publishing = set(self.client.zrange(keys.PUBLISHING, 0, -1))
        for job, state in self.state.items():
            if state is JobState.ENCODING:
                assert (job in publishing) is (self.done[job] == set(IDS))
        growing = set(self.client.zrange(keys.GROWING, 0, -1))
        assert growing <= {"j1"} & live
        for job in self.state:
            assert self.board.repair_job(job) == [], "the reconciler finds nothing to do"

    @invariant()
    def every_message_that_waits_is_known(self) -> None:
        lying = set(self.client.lrange(keys.queue(QUEUE), 0, -1))
        known = {message for job in self.state for message in self.store.queued([job])[job].values()}
        assert lying <= known
        assert set(self.client.hkeys(f"{keys.queue(QUEUE)}.msgs")) >= lying

    @precondition(lambda self: self.state)
    @rule()
    def steps_are_asked_for_until_they_are_done(self) -> None:
        for job in list(self.client.zrange(keys.PUBLISHING, 0, -1)):
            with self.steps.claim(Step.PUBLISHING, job) as claimed:
                assert claimed is not None
        for job, state in self.state.items():
            if state in (JobState.QUEUED, JobState.PROBING, JobState.PLANNING):
                with self.steps.claim(Step.PREPARING, job) as claimed:
                    assert claimed is not None
                assert self.client.zscore(keys.PREPARING, job) is not None


def test_whatever_happens_in_whatever_order_nothing_is_lost(valkey: redis.Redis) -> None:
    Farm.client = valkey
    run_machine(
        Farm,
        settings=settings(
            max_examples=60,
            stateful_step_count=100,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
