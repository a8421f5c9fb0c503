"""How large a farm must be for so many hours of film a day. Pure arithmetic, on what one film takes.

A farm that cuts every film into many tasks works like one server that is as fast as all its slots together.
Films that arrive at random, and some of which are several times as long as others, then form an M/M/1 queue
(L. Kleinrock, Queueing Systems, volume 1, 1975, section 3.2). With ``busy`` slots busy on average, the time
from arrival to end is distributed exponentially, around the slot seconds of a film / (slots - ``busy``). To
it comes the film's longest task, which runs on one slot alone (R. Graham, 1966), and the time of planning and
publishing. Films of one length wait less than that.

So there are two bounds, and the larger number of slots counts: the load of the busiest hours by the share of
the slots that is to be busy at most, and that load with slots enough beyond it that 95 of 100 films are done
in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log

from gopfarm.errors import SpecError
from scheduler.admission import PREPARED_AT_A_TIME, planned_ahead
from scheduler.footprint import MIB, Footprint

#: Times the mean that 95 of 100 values of an exponential distribution stay under.
_NINETY_FIVE = log(20)

_DAY_SECONDS, _HOUR_SECONDS = 86400.0, 3600.0
DAYS_OF_A_MONTH = 365.25 / 12

#: A worker besides its slots: the process, its fork server, and what it keeps of sources (``bench.memory``).
WORKER_BYTES = 140 * MIB

#: Schedulers of a farm that outlives one.
_LEAST_SCHEDULERS = 2

#: Redis besides jobs; a task that waits or runs (the target of ``bench.control_plane``); the record of a job
#: that has ended, with its events.
_REDIS_BYTES, _TASK_BYTES, _RECORD_BYTES = 16 * MIB, 2048, 4096

#: Hours that a farm may stand still, its storage being away for a night, while jobs come in.
_STANDSTILL_HOURS = 12.0

#: Seconds from KEDA's wish for a pod to its first task: its next look, a node (some minutes), the image.
START_SECONDS = 300.0

#: KEDA is not to go by less: it looks every 15 s, and Prometheus every 30.
_LEAST_DRAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Demand:
    """What is asked of a farm.

    Attributes:
        hours_per_day: Hours of film that come in a day.
        peak_factor: How many times as many come in the busiest hours as on average.
        within_seconds: From submission to publication, for 95 of 100 films, in the busiest hours.
        utilisation: The share of slots that is busy in the busiest hours at most.
        pace: How many times as long tasks take as on the reference machine.
        machine_slots: Slots of one machine or pod.
        remembered_days: How long Redis keeps the records of jobs that have ended.
    """

    hours_per_day: float
    peak_factor: float = 3.0
    within_seconds: float = _HOUR_SECONDS
    utilisation: float = 0.8
    pace: float = 1.0
    machine_slots: int = 8
    remembered_days: float = 14.0


@dataclass(frozen=True)
class Scaling:
    """How KEDA should scale a pool: pods at least and at most, and the seconds that its backlog may take."""

    least: int
    most: int
    drain_seconds: int


@dataclass(frozen=True)
class Pool:
    """What the workers of a queue must be.

    Attributes:
        queue: Its name.
        busy_average, busy_peak: Slots that are busy on average, over a day and in the busiest hours.
        slots: Slots that are needed for the busiest hours.
        machines: Machines with ``Demand.machine_slots`` each.
        for_turnaround: Whether the turnaround asks for so many, and not the utilisation.
        turnaround_seconds: In which 95 of 100 films have their tasks done and are published.
        shortest_seconds: What a film takes of that at least, in the shape that a busy farm chooses: planning,
            publishing, its longest task.
        scaling: The same farm, growing and shrinking.
    """

    queue: str
    busy_average: float
    busy_peak: float
    slots: int
    machines: int
    for_turnaround: bool
    turnaround_seconds: float
    shortest_seconds: float
    scaling: Scaling


@dataclass(frozen=True)
class Capacity:
    """A farm that does what is asked.

    Attributes:
        films_per_day, films_per_peak_hour: How many films that are.
        pools: The workers, by queue.
        schedulers: How many of them.
        machine_memory_bytes, machine_scratch_bytes: Of a machine with all its slots.
        machine_in_bits, machine_out_bits: Bits per second of a machine whose slots are all busy.
        redis_bytes: What lies in Redis at its height: a night of standstill included.
        stored_bytes: Published each day.
        writes, reads: Requests to S3 each day.
        busy_slot_hours: Of a day, of slots that work.
        fixed_slot_hours: Of a day, where all machines always run.
        scaled_slot_hours: Of a day, about, where machines come and go with the work.
    """

    films_per_day: float
    films_per_peak_hour: float
    pools: Mapping[str, Pool]
    schedulers: int
    machine_memory_bytes: int
    machine_scratch_bytes: int
    machine_in_bits: float
    machine_out_bits: float
    redis_bytes: int
    stored_bytes: int
    writes: int
    reads: int
    busy_slot_hours: float
    fixed_slot_hours: float
    scaled_slot_hours: float


def capacity(film: Footprint, demand: Demand) -> Capacity:
    """Return the farm that so much film needs, if all films are like this one.

    Raises:
        SpecError: A film takes longer than that on any busy farm.
    """
    films = demand.hours_per_day * _HOUR_SECONDS / film.seconds
    peak_rate = films * demand.peak_factor / _DAY_SECONDS
    pools = {queue: _pool(queue, film, demand, films) for queue in film.slot_seconds}
    slots = sum(pool.slots for pool in pools.values())
    slot_seconds = sum(film.slot_seconds.values()) * demand.pace
    hands = peak_rate * film.steps_seconds / demand.utilisation / PREPARED_AT_A_TIME
    busy = films * slot_seconds / _HOUR_SECONDS
    held = min(films * _STANDSTILL_HOURS / 24, planned_ahead(slots)) + peak_rate * demand.within_seconds
    records = films * (demand.remembered_days + 1)
    return Capacity(
        films_per_day=films,
        films_per_peak_hour=peak_rate * _HOUR_SECONDS,
        pools=pools,
        schedulers=max(_LEAST_SCHEDULERS, 1 + ceil(hands)),
        machine_memory_bytes=WORKER_BYTES + demand.machine_slots * film.slot_memory_bytes,
        machine_scratch_bytes=demand.machine_slots * film.slot_scratch_bytes,
        machine_in_bits=8 * film.read_bytes / slot_seconds * demand.machine_slots,
        machine_out_bits=8 * film.stored_bytes / slot_seconds * demand.machine_slots,
        redis_bytes=round(_REDIS_BYTES + held * film.tasks * _TASK_BYTES + records * _RECORD_BYTES),
        stored_bytes=round(films * film.stored_bytes),
        writes=round(films * film.writes),
        reads=round(films * film.reads),
        busy_slot_hours=busy,
        fixed_slot_hours=24.0 * demand.machine_slots * sum(pool.machines for pool in pools.values()),
        scaled_slot_hours=sum(_scaled_hours(pool, demand) for pool in pools.values()),
    )


def slots_needed(busy: float, film_slot_seconds: float, spare_seconds: float, utilisation: float) -> int:
    """Return how many slots keep both bounds of the module's head.

    Args:
        busy: The offered load: slots that are busy on average in the busiest hours.
        film_slot_seconds: Slot seconds of one film.
        spare_seconds: What the turnaround leaves for waiting and sharing, besides the film's shortest time.
        utilisation: The share of slots that may be busy, over 0 and at most 1.
    """
    return max(1, ceil(busy / utilisation), ceil(busy + _NINETY_FIVE * film_slot_seconds / spare_seconds))


def _pool(queue: str, film: Footprint, demand: Demand, films: float) -> Pool:
    work = film.slot_seconds[queue] * demand.pace
    longest = film.longest_seconds[queue] * demand.pace
    shortest = film.steps_seconds + longest
    spare = demand.within_seconds - shortest
    if spare <= 0:
        raise SpecError(
            f"{demand.within_seconds / _HOUR_SECONDS:g} hours are too short: where a farm is busy, such a "
            f"film takes {shortest:.0f} s at least, {longest:.0f} s of it in its longest task"
        )
    average = films * work / _DAY_SECONDS
    peak = average * demand.peak_factor
    slots = slots_needed(peak, work, spare, demand.utilisation)
    machines = ceil(slots / demand.machine_slots)
    have = machines * demand.machine_slots
    return Pool(
        queue=queue,
        busy_average=average,
        busy_peak=peak,
        slots=slots,
        machines=machines,
        for_turnaround=slots > max(1, ceil(peak / demand.utilisation)),
        turnaround_seconds=shortest + _NINETY_FIVE * work / (have - peak),
        shortest_seconds=shortest,
        scaling=_scaling(average, machines, spare, demand),
    )


def _scaling(average: float, machines: int, spare: float, demand: Demand) -> Scaling:
    """Return how a pool may grow and shrink and still keep the turnaround.

    KEDA keeps backlog / drain seconds slots, so a film stays about as long as that (J. Little, 1961). Half of
    what is left besides the start of a pod is for chance. Where less is left than a pod takes to start,
    scaling comes too late: then machines for the average hour stay, and all others are called at once.
    """
    drain = (spare - START_SECONDS) / 2
    if drain >= START_SECONDS:
        return Scaling(0, machines, round(drain))
    least = ceil(average / demand.utilisation / demand.machine_slots)
    return Scaling(min(machines, least), machines, round(max(_LEAST_DRAIN_SECONDS, drain)))


def _scaled_hours(pool: Pool, demand: Demand) -> float:
    hours = 24.0 * pool.busy_average / demand.utilisation
    return max(hours, 24.0 * pool.scaling.least * demand.machine_slots)
