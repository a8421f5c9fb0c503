"""Jobs as commands show them: one of them in lines or as JSON, and many in a table."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.output import clock, moment, one_line, price
from gopfarm.store import JobView
from scheduler.outlook import Expected

#: Columns of a table that does not go to a terminal: whoever reads it cuts lines by itself.
_PIPE_WIDTH = 300


def document_of(view: JobView, expected: Expected | None) -> dict[str, Any]:
    """Return a job as JSON shows it; what is expected of it is told while it is encoded."""
    document: dict[str, Any] = view.model_dump(mode="json")
    if expected is not None:
        document["eta_seconds"] = expected.seconds
        if expected.price is not None:
            document["expected_price"] = expected.price
    return document


def print_view(view: JobView, expected: Expected | None = None) -> None:
    """Print all of a job, and what is expected of it."""
    out = Console(highlight=False, soft_wrap=True)

    def line(name: str, value: Any) -> None:
        out.print(f"{name:<12} {value}", markup=False)

    line("job", view.id)
    line("state", view.state.value + (f" ({view.tasks_done} of {view.tasks} tasks)" if view.tasks else ""))
    if expected is not None:
        line("expected", f"{clock(expected.seconds)} until all tasks are done")
        if expected.price is not None:
            line("price", f"about {price(expected.price)} in all")
    if view.error:
        line("reason", one_line(view.error))
    line("source", one_line(view.source))
    line("destination", one_line(view.destination))
    line("tenant", f"{view.tenant}, priority {view.priority}")
    if view.trace_id:
        line("trace", view.trace_id)
    for failure in view.failures:
        line("attempt", one_line(f"{failure.attempt} at {failure.task} failed: {failure.reason}"))
    begun = view.times.get("queued")
    if begun is not None:
        for name, at in sorted(view.times.items(), key=lambda item: item[1]):
            line(name, f"{moment(at)}  (+{clock(at - begun)})")
    if view.master:
        line("master", view.master)


def print_views(views: Iterable[JobView]) -> None:
    """Print jobs, one a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("job", "state", "done", "tenant", "priority", "submitted", "source"):
        table.add_column(heading, no_wrap=heading != "source", overflow="fold")
    for view in views:
        table.add_row(
            view.id,
            view.state.value,
            f"{100 * view.progress:.0f}%",
            view.tenant,
            str(view.priority),
            moment(view.times.get("queued", 0.0)),
            one_line(view.source),
        )
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(width=width, soft_wrap=True, highlight=False, markup=False).print(table)
