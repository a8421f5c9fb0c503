"""What does it take, and for whom?"""

from __future__ import annotations

from dashboards.panels import Board, Panel, Query, bars, figure, graph, number, values_of
from dashboards.queries import POOL, SELDOM, SHOWN, increase, rate, ratio, select

_CPU, _MEDIA = "gopfarm_task_cpu_seconds_total", "gopfarm_media_seconds_total"
_CHILD_CPU = "gopfarm_child_cpu_seconds_total"
_READ, _STORED = "gopfarm_source_read_bytes_total", "gopfarm_stored_bytes_total"

#: The chosen classes of tenants.
_CLASS = 'tenant_class=~"$tenant_class"'

#: Slot hours of all that is shown: slots that were there, looked at every minute.
_SLOT_HOURS = f"(sum(sum_over_time({select('gopfarm_slots', POOL)}[{SHOWN}:1m])) / 60)"


def cost() -> Board:
    """Return the dashboard."""
    board = Board(
        "gopfarm-cost",
        "gopfarm / Cost",
        "What does the farm's work take, and for which class of tenants?",
        "24h",
        "5m",
        values_of("pool", "gopfarm_slots"),
        values_of("tenant_class", "gopfarm_jobs_ended_total", name="Class of tenants"),
        number("price", "Price of a slot hour", "0.05", "What an hour of one slot costs, in any currency."),
    )
    board.row("In all that is shown", *_totals())
    board.row("By class of tenants", *_by_class())
    board.row("Over time", *_over_time())
    return board


def _totals() -> list[Panel]:
    media = increase(_MEDIA, _CLASS)
    return [
        figure(
            "Film", "Seconds of film of jobs that are done.", "s", Query(media), whole_range=True, width=3
        ),
        figure(
            "Processor time",
            "Of finished tasks, the runs that were not needed included.",
            "s",
            Query(increase(_CPU, _CLASS)),
            whole_range=True,
            width=3,
        ),
        figure(
            "Processor time for a minute of film",
            "Minutes for a minute, in all renditions together.",
            "none",
            Query(ratio(increase(_CPU, _CLASS), media)),
            whole_range=True,
        ),
        figure(
            "Read from sources",
            "Bytes that tasks have read over a network.",
            "bytes",
            Query(increase(_READ, _CLASS)),
            whole_range=True,
            width=3,
        ),
        figure(
            "Stored",
            "Bytes of segments that tasks have written.",
            "bytes",
            Query(increase(_STORED, _CLASS)),
            whole_range=True,
            width=3,
        ),
        figure(
            "Slot hours",
            "Hours of slots that were there, busy or idle, of the chosen pools. What the machines cost.",
            "h",
            Query(_SLOT_HOURS),
            whole_range=True,
            width=3,
        ),
        figure(
            "Price",
            "Slot hours by the price above.",
            "none",
            Query(f"{_SLOT_HOURS} * $price"),
            whole_range=True,
            width=2,
        ),
        figure(
            "Price of an hour of film",
            "Idle slots and failed jobs included: what the farm costs, by what it has done.",
            "none",
            Query(ratio(f"3600 * $price * {_SLOT_HOURS}", increase(_MEDIA))),
            whole_range=True,
            width=3,
        ),
    ]


def _by_class() -> list[Panel]:
    def each(counter: str) -> str:
        return increase(counter, _CLASS, labels="tenant_class")

    name = "{{tenant_class}}"
    return [
        bars("Film", "Seconds of film of jobs that are done.", "s", Query(each(_MEDIA), name), width=6),
        bars(
            "Processor time", "Of finished tasks, in all renditions.", "s", Query(each(_CPU), name), width=6
        ),
        bars("Read from sources", "By tasks, over a network.", "bytes", Query(each(_READ), name), width=6),
        bars("Stored", "Segments, as they were written.", "bytes", Query(each(_STORED), name), width=6),
    ]


def _over_time() -> list[Panel]:
    cpu = rate(_CPU, _CLASS, labels="tenant_class")
    return [
        graph(
            "Cores at work",
            "Processor time of tasks each second, by class of tenants.",
            "short",
            Query(cpu, "{{tenant_class}}"),
            stacked=True,
            width=6,
        ),
        graph(
            "Cores at work, by kind of task",
            "Video, sound and subtitles.",
            "short",
            Query(rate(_CPU, _CLASS, labels="kind"), "{{kind}}"),
            stacked=True,
            width=6,
        ),
        graph(
            "Film done in each hour",
            "By class of tenants.",
            "s",
            Query(increase(_MEDIA, _CLASS, labels="tenant_class", over=SELDOM), "{{tenant_class}}"),
            stacked=True,
            width=6,
        ),
        graph(
            "Traffic",
            "Bytes each second: read from sources, and stored.",
            "Bps",
            Query(rate(_READ, _CLASS), "read"),
            Query(rate(_STORED, _CLASS), "stored"),
            width=6,
        ),
        graph(
            "Processor seconds for a second of film",
            "Over the last hour. It rises with slower presets and larger ladders, and when work is lost.",
            "none",
            Query(ratio(rate(_CPU, _CLASS, over=SELDOM), rate(_MEDIA, _CLASS, over=SELDOM)), "CPU s/s"),
            width=6,
        ),
        graph(
            "Cores at work for nothing",
            "Processor time each second of children that gave no result, by how they ended.",
            "short",
            Query(rate(_CHILD_CPU, 'how!="ok"', labels="how"), "{{how}}"),
            stacked=True,
            width=6,
        ),
        graph(
            "Slots that are paid for, and that work",
            "The gap is what idle slots cost.",
            "short",
            Query(f"sum({select('gopfarm_slots', POOL)})", "there"),
            Query(f"sum({select('gopfarm_slots_busy', POOL)})", "busy"),
            width=12,
        ),
    ]
