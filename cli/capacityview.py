"""The figures of ``gopfarm capacity``, as they are printed and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from cli.output import byte_size, clock, price
from scheduler.capacity import DAYS_OF_A_MONTH, Capacity, Demand, Pool
from scheduler.footprint import MIB, Footprint

#: What to know of tasks on the GPU.
_OF_GPUS = (
    "NVENC's own speed is not known: its tasks count what they take of the processor, so measure --pace"
)


def _prices(farm: Capacity, hour_price: float) -> dict[str, float]:
    """Return what the farm costs: of a day and a month, all machines always on, or coming and going."""
    hours = {"fixed": farm.fixed_slot_hours, "scaled": farm.scaled_slot_hours}
    return {
        f"{name}_per_{span}": round(amount * hour_price * days, 2)
        for name, amount in hours.items()
        for span, days in (("day", 1.0), ("month", DAYS_OF_A_MONTH))
    }


def document_of(
    film: Footprint, demand: Demand, farm: Capacity, alone: float, hour_price: float | None
) -> dict[str, Any]:
    """Return all figures as JSON shows them."""
    document: dict[str, Any] = {"demand": asdict(demand), "film": asdict(film), "farm": asdict(farm)}
    document["farm"]["pools"] = list(document["farm"]["pools"].values())
    document["farm"]["alone_seconds"] = alone
    document["notes"] = _notes(farm)
    if hour_price is not None:
        document["price"] = _prices(farm, hour_price)
    return document


def print_farm(
    film: Footprint,
    demand: Demand,
    farm: Capacity,
    alone: float,
    hour_price: float | None,
    values: dict[str, Any],
) -> None:
    """Print the figures, and the values of the chart."""
    out = Console(highlight=False, soft_wrap=True)
    slot_hours = sum(film.slot_seconds.values()) * demand.pace / 3600
    films = f"{farm.films_per_day:.1f} films of {clock(film.seconds)}"
    for line in (
        f"{demand.hours_per_day:g} hours a day: {films}, {farm.films_per_peak_hour:.1f} an hour at the peak",
        f"a film: {film.tasks} tasks, {slot_hours:.2f} slot hours, {byte_size(film.stored_bytes)} stored",
    ):
        out.print(line, markup=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in (*_needs(demand, farm, alone), *_costs(farm, hour_price)):
        table.add_row(name, text)
    out.print(table)
    for note in _notes(farm):
        out.print(f"note: {note}", markup=False)
    out.print("\nvalues for the chart (helm/gopfarm), scaled by KEDA with Prometheus:\n", markup=False)
    out.print(yaml.safe_dump(values, sort_keys=False).rstrip(), markup=False)


def _notes(farm: Capacity) -> list[str]:
    return [_OF_GPUS] if "encode.nvenc" in farm.pools else []


def _needs(demand: Demand, farm: Capacity, alone: float) -> list[tuple[str, str]]:
    memory, scratch = (ceil(size / MIB) for size in (farm.machine_memory_bytes, farm.machine_scratch_bytes))
    inward, outward = (rate / 1e6 for rate in (farm.machine_in_bits, farm.machine_out_bits))
    return [
        *(row for pool in farm.pools.values() for row in _pool_rows(pool, demand)),
        ("film alone", f"{clock(alone)}, where the whole farm is its own"),
        ("machine", f"{demand.machine_slots} cores, {memory} MiB of memory, {scratch} MiB of scratch"),
        ("  network", f"{inward:.0f} Mbit/s in, {outward:.0f} out, with all slots busy"),
        ("schedulers", str(farm.schedulers)),
        ("Redis", f"{ceil(farm.redis_bytes / MIB)} MiB at its height"),
        ("S3 a day", f"{byte_size(farm.stored_bytes)} stored"),
        ("  requests", f"{farm.writes:,} that write or list, {farm.reads:,} that read"),
    ]


def _pool_rows(pool: Pool, demand: Demand) -> list[tuple[str, str]]:
    why = "for the turnaround" if pool.for_turnaround else f"busy to {demand.utilisation:.0%} at the peak"
    return [
        (pool.queue, f"{_count(pool.slots, 'slot')} on {_count(pool.machines, 'machine')}, {why}"),
        ("  busy slots", f"{pool.busy_average:.1f} on average, {pool.busy_peak:.1f} at the peak"),
        (
            "  turnaround",
            f"{clock(pool.turnaround_seconds)} for 95 of 100 films, "
            f"{clock(pool.shortest_seconds)} for the luckiest",
        ),
    ]


def _costs(farm: Capacity, hour_price: float | None) -> list[tuple[str, str]]:
    amounts = None if hour_price is None else _prices(farm, hour_price)
    rows = [("slot hours a day", f"{farm.busy_slot_hours:.0f} of work")]
    for name, words, hours in (
        ("fixed", "always on", farm.fixed_slot_hours),
        ("scaled", "come and go", farm.scaled_slot_hours),
    ):
        cost = ""
        if amounts is not None:
            day, month = (price(amounts[f"{name}_per_{span}"]) for span in ("day", "month"))
            cost = f", for {day} a day, {month} a month"
        rows.append((f"  {words}", f"{hours:.0f}{cost}"))
    return rows


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
