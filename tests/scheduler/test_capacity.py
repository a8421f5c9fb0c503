"""How large a farm must be: monotone, enough for the work, and right where its days are played through."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gopfarm.errors import SpecError
from gopfarm.plan import Plan
from ladder import load_profile
from scheduler.capacity import START_SECONDS, Demand, capacity, slots_needed
from scheduler.cost import expected_seconds
from scheduler.footprint import Footprint, footprint
from scheduler.imagined import imagined_film
from scheduler.outlook import HANDOVER_SECONDS
from scheduler.planner import make_plan
from scheduler.shape import Shape
from scheduler.simulation import turnaround_seconds

QUEUE = "encode.cpu"


@lru_cache(maxsize=1)
def plan() -> Plan:
    """Return a film of 20 minutes, as a busy farm cuts it."""
    facts = imagined_film(1080, 30, 1200)
    return make_plan(facts, load_profile("standard"), "libx264", "test", Shape())


@lru_cache(maxsize=1)
def film() -> Footprint:
    return footprint(plan().facts, load_profile("standard"), "libx264")


demands = st.builds(
    Demand,
    hours_per_day=st.floats(0.1, 20_000),
    peak_factor=st.floats(1, 24),
    within_seconds=st.floats(600, 86_400),
    utilisation=st.floats(0.1, 0.99),
    pace=st.floats(0.2, 3),
    machine_slots=st.integers(1, 64),
)


@given(demands, st.floats(1, 10))
def test_more_film_and_higher_peaks_never_need_a_smaller_farm(demand: Demand, factor: float) -> None:
    def size(of: Demand) -> tuple[int, int, int]:
        farm = capacity(film(), of)
        return farm.pools[QUEUE].slots, farm.pools[QUEUE].machines, farm.schedulers

    here = size(demand)
    for larger in (
        replace(demand, hours_per_day=demand.hours_per_day * factor),
        replace(demand, peak_factor=min(24.0, demand.peak_factor * factor)),
        replace(demand, utilisation=demand.utilisation / factor),
        replace(demand, within_seconds=max(600.0, demand.within_seconds / factor)),
    ):
        assert all(there >= one for there, one in zip(size(larger), here, strict=True))


@given(demands)
def test_slots_and_time_cover_the_work(demand: Demand) -> None:
    farm = capacity(film(), demand)
    pool = farm.pools[QUEUE]
    peak_hour_work = farm.films_per_peak_hour * film().slot_seconds[QUEUE] * demand.pace
    assert pool.slots * 3600 * demand.utilisation >= peak_hour_work * (1 - 1e-9)
    assert (pool.machines - 1) * demand.machine_slots < pool.slots <= pool.machines * demand.machine_slots
    assert pool.turnaround_seconds <= demand.within_seconds * (1 + 1e-9)
    assert farm.fixed_slot_hours >= farm.busy_slot_hours
    assert farm.scaled_slot_hours * demand.utilisation >= farm.busy_slot_hours * (1 - 1e-9)


@given(demands)
def test_a_pool_scales_to_what_is_needed_and_to_zero_only_where_a_pod_comes_in_time(demand: Demand) -> None:
    pool = capacity(film(), demand).pools[QUEUE]
    scaling = pool.scaling
    assert 0 <= scaling.least <= scaling.most == pool.machines
    if scaling.least == 0:
        assert pool.shortest_seconds + START_SECONDS + scaling.drain_seconds <= demand.within_seconds + 1
    else:
        assert scaling.least * demand.machine_slots >= min(pool.slots, pool.busy_average)


@given(st.floats(0, 1000), st.floats(1, 10_000), st.floats(1, 10_000), st.floats(0.05, 1))
def test_no_slot_less_would_do(busy: float, work: float, spare: float, utilisation: float) -> None:
    slots = slots_needed(busy, work, spare, utilisation)
    assume(slots > 1)
    fewer = slots - 1
    too_busy = busy > fewer * utilisation * (1 - 1e-9)
    assert too_busy or 3 * work / (fewer - busy) > spare * (1 - 1e-2)


def test_what_no_busy_farm_can_do_is_refused_in_numbers() -> None:
    with pytest.raises(SpecError, match=r"^0\.01 hours are too short: .* takes \d+ s at least, \d+ s of it"):
        capacity(film(), Demand(100, within_seconds=36))


@lru_cache(maxsize=1)
def tasks() -> tuple[float, ...]:
    """Return the seconds of the film's tasks, the longest first, as they are given out."""
    seconds = (expected_seconds(task, plan().facts) + HANDOVER_SECONDS for task in plan().tasks)
    return tuple(sorted(seconds, reverse=True))


def times_as_long(times: float) -> tuple[float, ...]:
    """Return the tasks of a film that is so many times as long."""
    whole, rest = divmod(sum(tasks()) * times, tasks()[0])
    return (*tasks()[:1] * int(whole), rest)


def arrivals(rng: random.Random, an_hour: float, hours: float) -> list[float]:
    """Return when films arrive at random, in seconds."""
    found, at = [], 0.0
    while (at := at + rng.expovariate(an_hour / 3600)) < hours * 3600:
        found.append(at)
    return found


def share_within(turnarounds: list[float], seconds: float) -> float:
    return sum(one <= seconds for one in turnarounds) / len(turnarounds)


@pytest.mark.parametrize("demand", [Demand(20, within_seconds=1800), Demand(150), Demand(2, 5.0)])
@pytest.mark.parametrize("all_alike", [True, False])
def test_the_farm_keeps_its_promise_where_the_busiest_hours_never_end(
    demand: Demand, all_alike: bool
) -> None:
    """Films that arrive at random, all alike, or as long as chance has it (exponentially)."""
    rng = random.Random(1)
    farm = capacity(film(), demand)
    pool = farm.pools[QUEUE]
    slots = pool.machines * demand.machine_slots
    times = arrivals(rng, farm.films_per_peak_hour, 4000 / farm.films_per_peak_hour)
    jobs = [(at, tasks() if all_alike else times_as_long(rng.expovariate(1.0))) for at in times]
    took = [film().steps_seconds + one for one in turnaround_seconds(jobs, slots)]
    about = 0.95 if all_alike else 0.945
    assert share_within(took, pool.turnaround_seconds) >= about
    assert share_within(took, demand.within_seconds) >= about


def test_a_farm_of_half_the_size_does_not_keep_it() -> None:
    demand = Demand(150)
    farm = capacity(film(), demand)
    slots = farm.pools[QUEUE].machines * demand.machine_slots // 2
    jobs = [(at, tasks()) for at in arrivals(random.Random(5), farm.films_per_peak_hour, 24)]
    assert share_within(turnaround_seconds(jobs, slots), demand.within_seconds) < 0.5


def test_the_work_of_a_day_is_done_that_day() -> None:
    """Eight busy hours, and what else comes in the other sixteen."""
    rng = random.Random(7)
    demand = Demand(100, peak_factor=2.0)
    farm = capacity(film(), demand)
    busy = arrivals(rng, farm.films_per_peak_hour, 8)
    quiet = [8 * 3600 + at for at in arrivals(rng, farm.films_per_peak_hour / 4, 16)]
    slots = farm.pools[QUEUE].machines * demand.machine_slots
    took = turnaround_seconds([(at, tasks()) for at in (*busy, *quiet)], slots)
    assert len(took) == pytest.approx(farm.films_per_day, rel=0.1)
    assert share_within(took, demand.within_seconds) == 1


@pytest.mark.parametrize(
    "demand", [Demand(20), Demand(500, within_seconds=7200), Demand(50, machine_slots=2)], ids=repr
)
def test_a_farm_that_grows_with_its_backlog_keeps_the_promise(demand: Demand) -> None:
    """A tide of work, and pods that come as KEDA wishes, but later: twice as many each minute, or four more.

    There is no chance in it: that is what half of the time is for.
    """
    pool = capacity(film(), demand).pools[QUEUE]
    scaling, step = pool.scaling, 15.0
    assert scaling.least == 0
    backlog = pods = longest = 0.0
    wished = [0.0] * round(START_SECONDS / step)
    for _ in range(round(4 * 3600 / step)):
        backlog += pool.busy_peak * step
        backlog -= min(backlog, pods * demand.machine_slots * step)
        longest = max(longest, backlog / pool.busy_peak)  # how old what is done next is
        most = max(wished[-1] * 2 ** (step / 60), wished[-1] + 4 * step / 60)
        wished.append(min(scaling.most, most, backlog / demand.machine_slots / scaling.drain_seconds))
        pods = max(pods, wished.pop(0))
    assert pods > 0
    assert pool.shortest_seconds + longest <= demand.within_seconds


def test_redis_has_room_for_a_night_in_which_nothing_is_done() -> None:
    """As far as jobs are planned ahead, with the bytes that a task is to take at most."""
    quiet, busy = (capacity(film(), Demand(hours)).redis_bytes for hours in (1, 10_000))
    assert busy > 50 * quiet > 0


def test_schedulers_are_two_until_there_is_much_to_probe() -> None:
    assert capacity(film(), Demand(100)).schedulers == 2
    assert capacity(film(), Demand(30_000)).schedulers > 2
