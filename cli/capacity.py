"""``gopfarm capacity``: how large a farm must be, what it costs, and the chart's values for it."""

from __future__ import annotations

from math import ceil
from typing import Any

import click

from cli.capacityview import document_of, print_farm
from cli.options import FiniteRange, chosen_profile, profile_options
from cli.output import explains_errors, json_option, print_json
from gopfarm.errors import SpecError
from gopfarm.facts import SourceFacts
from gopfarm.log import configure_logging
from gopfarm.profile import Profile
from gopfarm.settings import Settings, get_settings
from scheduler.capacity import WORKER_BYTES, Capacity, Demand, capacity
from scheduler.footprint import MIB, Footprint, footprint
from scheduler.imagined import imagined_film, of_length
from scheduler.load import Load
from scheduler.outlook import of_plan
from scheduler.prepare import choose_encoder, plan_source, probe_url

#: The chart's names of the pools of each queue.
_POOLS = {"encode.cpu": "cpu", "encode.nvenc": "gpu"}

#: MiB that the chart's Valkey gets at least, and its memory limit over what it may hold: rewriting its file
#: takes memory too. Both as in the chart's own values.
_LEAST_REDIS_MIB, _REDIS_ROOM = 768, 5 / 3

#: Redis may hold so many times what is expected.
_REDIS_RESERVE = 2

#: More slots than a film has tasks make it no sooner done, and planning keeps a figure of each slot.
_MOST_USED_SLOTS = 100_000

#: Sizes are rounded up to so many MiB in the chart's values.
_STEP_MIB = 64


@click.command(
    "capacity",
    epilog="""\b
Examples:
  gopfarm capacity --hours-per-day 200
  gopfarm capacity --hours-per-day 200 --peak-factor 5 --within 0.5 --preset veryfast
  gopfarm capacity --hours-per-day 40 --height 2160 --fps 50 --source-length 600 --profile uhd
  gopfarm capacity --hours-per-day 200 --like s3://media/uploads/42.mp4 --slot-hour-price 0.03 --json""",
)
@click.option(
    "--hours-per-day",
    type=FiniteRange(0, 1_000_000, min_open=True),
    required=True,
    help="Hours of film that come in a day.",
)
@click.option(
    "--peak-factor",
    type=FiniteRange(1, 24),
    default=3.0,
    show_default=True,
    help="How many times as many come in the busiest hours as on average.",
)
@click.option(
    "--within",
    type=FiniteRange(0, 8760, min_open=True),
    default=1.0,
    show_default=True,
    metavar="HOURS",
    help="In which 95 of 100 films are to be published, in the busiest hours too.",
)
@click.option(
    "--utilisation",
    type=FiniteRange(0.01, 0.99),
    default=0.8,
    show_default=True,
    help="Share of the slots that is busy in the busiest hours at most.",
)
@profile_options
@click.option("--like", metavar="SOURCE", help="A film like all others: its picture, sound and length count.")
@click.option("--height", type=click.IntRange(16, 8192), help="Lines of an imagined 16:9 film; default 1080.")
@click.option("--fps", type=FiniteRange(1, 240), help="Frames per second of that film; default 30.")
@click.option(
    "--source-length",
    type=FiniteRange(1, 86400),
    metavar="SECONDS",
    help="How long a film plays; default 3600, or as long as the one named by --like.",
)
@click.option(
    "--pace",
    type=FiniteRange(0.001, 100),
    default=1.0,
    show_default=True,
    help="How many times as long tasks take here as `gopfarm plan` expects.",
)
@click.option(
    "--machine-slots",
    type=click.IntRange(1, 1024),
    default=8,
    show_default=True,
    help="Slots of one machine or pod: one a core.",
)
@click.option(
    "--slot-hour-price",
    type=FiniteRange(0, 1_000_000),
    help="What an hour of one slot costs; default: GOPFARM_SLOT_HOUR_PRICE.",
)
@json_option
@explains_errors
def capacity_command(
    hours_per_day: float,
    peak_factor: float,
    within: float,
    utilisation: float,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
    like: str | None,
    height: int | None,
    fps: float | None,
    source_length: float | None,
    pace: float,
    machine_slots: int,
    slot_hour_price: float | None,
    as_json: bool,
) -> None:
    """Say how large a farm must be for so many hours of film a day, by the farm's own cost model.

    Nothing is encoded. Machines differ by about one factor, and so do films: encode one or two of yours, and
    give as --pace the task_seconds in job.json over the CPU seconds that `gopfarm plan` expects.
    """
    configure_logging("error")
    settings = get_settings()
    chosen = chosen_profile(settings, profile, preset, segment_seconds, segment_format, encoder)
    codec = choose_encoder(chosen.encoder, {"h264_nvenc"} if chosen.encoder == "nvenc" else set())
    facts = _film(settings, like, height, fps, source_length)
    film = footprint(facts, chosen, codec)
    demand = Demand(
        hours_per_day, peak_factor, within * 3600, utilisation, pace, machine_slots, settings.job_ttl_days
    )
    farm = capacity(film, demand)
    slots = max(pool.machines for pool in farm.pools.values()) * machine_slots
    alone = film.steps_seconds + pace * _alone_seconds(facts, chosen, codec, slots)
    hour_price = settings.slot_hour_price if slot_hour_price is None else slot_hour_price
    values = chart_values(film, demand, farm, hour_price)
    if as_json:
        print_json(document_of(film, demand, farm, alone, hour_price) | {"values": values})
    else:
        print_farm(film, demand, farm, alone, hour_price, values)


def _film(
    settings: Settings, like: str | None, height: int | None, fps: float | None, seconds: float | None
) -> SourceFacts:
    if like is None:
        return imagined_film(height or 1080, fps or 30.0, seconds or 3600.0)
    if height or fps:
        raise SpecError("--like says the height and the frame rate already: leave out --height and --fps")
    facts = probe_url(like, settings)
    return of_length(facts, seconds) if seconds else facts


def _alone_seconds(facts: SourceFacts, profile: Profile, encoder: str, slots: int) -> float:
    """Return the seconds until the last task of a film ends that has all slots for itself."""
    used = min(slots, _MOST_USED_SLOTS)
    return of_plan(plan_source(facts, profile, encoder, Load(used)), used, None).seconds


def chart_values(
    film: Footprint, demand: Demand, farm: Capacity, hour_price: float | None = None
) -> dict[str, Any]:
    """Return values of the Helm chart (``helm/gopfarm``) for a farm that needs so much."""
    pools: dict[str, Any] = {"cpu": {"enabled": False}}
    for queue, pool in farm.pools.items():
        least = pool.scaling.least if queue == "encode.cpu" else max(1, pool.scaling.least)
        scaling = {"min": least, "max": max(least, pool.scaling.most)}
        slots = demand.machine_slots
        pools[_POOLS[queue]] = {"enabled": True, "queue": queue, "slots": slots, "autoscaling": scaling}
    values: dict[str, Any] = {
        "scheduler": {"replicas": farm.schedulers},
        "workers": {
            "defaults": {
                "memoryPerSlotMiB": ceil(film.slot_memory_bytes / MIB),
                "memoryBaseMiB": WORKER_BYTES // MIB,
                "scratch": {"perSlotMiB": _stepped(film.slot_scratch_bytes)},
            },
            "pools": pools,
        },
        "autoscaling": {"drainSeconds": min(pool.scaling.drain_seconds for pool in farm.pools.values())},
    }
    redis = _stepped(_REDIS_RESERVE * farm.redis_bytes)
    if redis > _LEAST_REDIS_MIB:
        memory = {
            "requests": {"memory": f"{redis}Mi"},
            "limits": {"memory": f"{ceil(redis * _REDIS_ROOM)}Mi"},
        }
        values["redis"] = {"bundled": {"maxMemory": f"{redis}mb", "resources": memory}}
    if hour_price is not None:
        values["settings"] = {"slot_hour_price": hour_price}
    return values


def _stepped(size: int) -> int:
    """Return a size in MiB, rounded up to a step."""
    return ceil(size / MIB / _STEP_MIB) * _STEP_MIB
