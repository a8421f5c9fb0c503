"""The order that is kept up to date is that of ``choose`` over all jobs, whatever happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gopfarm.store import WaitingJob
from gopfarm.tenants import TenantPolicy
from scheduler.fair import choose
from scheduler.standings import Order, Standing

QUEUES = ("encode.cpu", "encode.nvenc")
POLICIES = {"a": TenantPolicy(weight=2), "b": TenantPolicy(max_running=2)}
TENANTS = st.sampled_from("abcd")

#: Few different values, so that ties are broken in every way.
JOBS = st.lists(
    st.builds(
        WaitingJob,
        id=st.uuids().map(str),
        tenant=TENANTS,
        priority=st.integers(0, 2),
        submitted=st.integers(0, 3).map(float),
        since=st.just(0.0),
        waiting=st.dictionaries(st.sampled_from(QUEUES), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda job: job.id,
)
AGED = st.integers(0, 2)
SECONDS = st.sampled_from([0.5, 1.0, 3.0])


@given(
    JOBS,
    st.lists(AGED, min_size=12, max_size=12),
    st.dictionaries(TENANTS, st.sampled_from([0.0, 1.0, 2.5])),
    st.dictionaries(TENANTS, st.integers(0, 3)),
    st.lists(st.tuples(st.sampled_from(QUEUES), st.booleans(), SECONDS, st.integers(0, 11)), max_size=40),
)
def test_the_first_job_is_always_the_one_that_would_be_chosen_among_all(
    jobs: list[WaitingJob],
    aged: list[int],
    shares: dict[str, float],
    runs: dict[str, int],
    steps: list[tuple[str, bool, float, int]],
) -> None:
    urgency = {job.id: job.priority + age for job, age in zip(jobs, aged, strict=False)}
    standing = Standing(urgency, runs, shares, POLICIES)
    orders = {queue: Order(queue, jobs, standing) for queue in QUEUES}
    for queue, comes_back, seconds, index in steps:
        for name, order in orders.items():
            having = [job for job in jobs if job.waiting.get(name) and standing.may_have(job.tenant)]
            assert order.first() is choose(having, standing.urgency, standing.shares, standing.runs)
        if comes_back:
            job = jobs[index % len(jobs)]
            job.waiting[queue] = job.waiting.get(queue, 0) + 1
            standing.give(job.tenant, -1, -seconds)
        elif (chosen := orders[queue].first()) is not None:
            job = chosen
            job.waiting[queue] -= 1
            standing.urgency[job.id] = job.priority
            standing.give(job.tenant, 1, seconds)
        else:
            continue
        for order in orders.values():
            order.put(job)
            order.refresh(job.tenant)
