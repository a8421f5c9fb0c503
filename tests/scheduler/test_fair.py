from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopfarm.store import WaitingJob
from gopfarm.tenants import TenantPolicy
from scheduler.fair import choose, next_to_prepare, raised_shares, urgencies, urgency

NOW = 10_000.0


def job(
    name: str, priority: int = 5, tenant: str = "t", age: float = 0.0, idle: float | None = None
) -> WaitingJob:
    since = NOW - (age if idle is None else idle)
    return WaitingJob(name, tenant, priority, NOW - age, since, {"encode.cpu": 1})


@pytest.mark.parametrize(
    ("first", "others", "shares", "runs"),
    [
        (
            job("urgent", priority=9),
            [job("old", age=250), job("idle", tenant="u")],
            {"t": 50.0},
            {"t": 9},
        ),
        (job("idle", tenant="u"), [job("old", age=250), job("older", age=260)], {"t": 2.0, "u": 1.0}, {}),
        (job("free", tenant="u"), [job("old", age=250)], {"t": 2.0, "u": 2.0}, {"t": 1}),
        (job("old", age=9), [job("new", age=1), job("newest", tenant="u")], {}, {}),
    ],
    ids=["priority", "then the tenant with less work for its weight", "then what runs now", "then age"],
)
def test_the_next_task_is_chosen_by_priority_then_share_then_age(
    first: WaitingJob, others: list[WaitingJob], shares: dict[str, float], runs: dict[str, int]
) -> None:
    for order in permutations([first, *others]):
        assert choose(order, urgencies(order, NOW, 300), shares, runs) == first


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose([], {}, {}, {}) is None


def test_a_job_that_gets_nothing_becomes_more_urgent_without_bound() -> None:
    assert urgency(job("j", priority=0), NOW, 300) == 0
    assert urgency(job("j", priority=0, age=299), NOW, 300) == 0
    assert urgency(job("j", priority=0, age=3001), NOW, 300) == 10
    assert urgency(job("j", priority=0, age=90_000), NOW, 300) == 300


def test_a_long_job_that_is_being_served_does_not_grow_urgent() -> None:
    assert urgency(job("film", priority=5, age=36_000, idle=20), NOW, 300) == 5


def test_a_clock_that_is_a_little_behind_does_no_harm() -> None:
    assert urgency(job("j", priority=5, age=-1000), NOW, 300) == 5


SHARES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1e6), max_size=6)
SOME = st.sets(st.sampled_from("abcdef"))


@given(SHARES, SOME, SOME)
def test_a_share_is_never_lowered_and_only_newcomers_are_raised(
    shares: dict[str, float], busy: set[str], before: set[str]
) -> None:
    raised = raised_shares(shares, busy, before)
    assert raised.keys() <= busy - before
    assert all(share > shares.get(tenant, 0.0) for tenant, share in raised.items())
    after = shares | raised
    steady = busy & before
    if steady:
        floor = min(shares.get(tenant, 0.0) for tenant in steady)
        assert all(after.get(tenant, 0.0) >= floor for tenant in busy)
        assert all(share == floor for share in raised.values()), "nobody is put back behind the others"


def test_after_a_pause_of_all_everyone_begins_alike() -> None:
    after = {"a": 90.0, "b": 10.0} | raised_shares({"a": 90.0, "b": 10.0}, {"b", "new"}, set())
    assert after == {"a": 90.0, "b": 90.0, "new": 90.0}


def test_jobs_are_planned_by_urgency_then_by_who_has_the_fewest_ahead_for_its_weight() -> None:
    policies = {"big": TenantPolicy(weight=4)}
    jobs = [job("b", tenant="big", age=3), job("s", tenant="small", age=9), job("u", priority=9)]
    order, ahead = [], {"big": 2, "small": 1}
    while chosen := next_to_prepare(jobs, urgencies(jobs, NOW, 300), ahead, policies, lambda _: True):
        jobs.remove(chosen)
        order.append(chosen.id)
    assert order == ["u", "b", "s"]


def test_only_wanted_jobs_are_planned() -> None:
    jobs = [job("a"), job("b")]
    chosen = next_to_prepare(jobs, urgencies(jobs, NOW, 300), {}, {}, lambda one: one.id == "b")
    assert chosen is not None
    assert chosen.id == "b"
