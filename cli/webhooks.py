"""``gopfarm webhooks``: what is still to be delivered, what was given up, and sending it again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from cli.calling import farm_redis
from cli.output import clock, explains_errors, json_option, moment, one_line, print_json
from gopfarm.errors import SpecError
from gopfarm.store.deliveries import DeliveryStore, DeliveryView

#: Deliveries that ``replay --all-dead`` sends again at most; called again, it goes on with the next.
_MOST_REPLAYED = 100_000


@contextmanager
def delivery_store() -> Iterator[DeliveryStore]:
    """Connect to the farm's deliveries."""
    with farm_redis() as (settings, client):
        yield DeliveryStore(client, settings.job_ttl_days * 86400)


@click.group()
def webhooks() -> None:
    """Show webhooks that wait or were given up, and send them again."""


@webhooks.command(
    "list", epilog="\b\nExamples:\n  gopfarm webhooks list\n  gopfarm webhooks list --dead --json"
)
@click.option("--dead", is_flag=True, help="Those that were given up, latest first.")
@click.option("--job", "job_id", metavar="JOB", help="All of one job, those that were delivered included.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@json_option
@explains_errors
def list_webhooks(dead: bool, job_id: str | None, limit: int, as_json: bool) -> None:
    """List the webhooks that are still to be delivered, oldest event first."""
    with delivery_store() as store:
        if job_id is not None:
            views = [view for view in store.of_job(job_id) if not dead or view.state == "dead"][:limit]
        else:
            views = store.dead(limit) if dead else store.waiting(limit)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    rows = [("id", "event", "when", "host", "state", "tries", "next", "last error")]
    for view in views:
        facts = (view.id, view.event, moment(view.time), one_line(view.host), view.state, str(view.tries))
        rows.append((*facts, _next(view), one_line(view.error or "")))
    # A terminal may wrap long lines; a table cut to its width would break ids and errors in two.
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(map(str.ljust, row, widths)).rstrip())


@webhooks.command(epilog="\b\nExample:\n  gopfarm webhooks show 1f0c2a7e-...:1")
@click.argument("delivery_id", metavar="ID")
@json_option
@explains_errors
def show(delivery_id: str, as_json: bool) -> None:
    """Show one webhook: what it tells, to whom, and what became of it."""
    with delivery_store() as store:
        view = store.delivery(delivery_id)
    if view is None:
        raise _unknown(delivery_id)
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    out = Console(highlight=False, soft_wrap=True, markup=False)
    lines = {
        "webhook": view.id,
        "job": view.job,
        "event": f"{view.event} ({100 * view.progress:.0f}% of the job)",
        "when": moment(view.time),
        "host": one_line(view.host),
        "state": view.state,
        "tries": str(view.tries),
        "last try": moment(view.tried) if view.tried is not None else "",
        "next try": _next(view),
        "last error": one_line(view.error or ""),
    }
    for name, value in lines.items():
        if value:
            out.print(f"{name:<12} {value}")


@webhooks.command(
    epilog="""\b
Examples:
  gopfarm webhooks replay 1f0c2a7e-...:1
  gopfarm webhooks replay --job 1f0c2a7e-...
  gopfarm webhooks replay --all-dead"""
)
@click.argument("delivery_id", metavar="[ID]", required=False)
@click.option("--job", "job_id", metavar="JOB", help="All of one job, those that were delivered included.")
@click.option("--all-dead", is_flag=True, help="All that were given up.")
@json_option
@explains_errors
def replay(delivery_id: str | None, job_id: str | None, all_dead: bool, as_json: bool) -> None:
    """Send webhooks again, with the same ids and all their tries before them."""
    if [delivery_id is not None, job_id is not None, all_dead].count(True) != 1:
        raise SpecError("name one: the ID of a webhook, --job JOB, or --all-dead")
    with delivery_store() as store:
        if delivery_id is not None:
            ids = [delivery_id]
        elif job_id is not None:
            ids = [view.id for view in store.of_job(job_id)]
        else:
            ids = [view.id for view in store.dead(_MOST_REPLAYED)]
        replayed = [found for found in ids if store.replay(found)]
    if not replayed and delivery_id is not None:
        raise _unknown(delivery_id)
    if not replayed and job_id is not None:
        raise SpecError(f"no webhooks of a job {job_id} are remembered")
    if as_json:
        print_json({"replayed": replayed})
    else:
        click.echo(f"{len(replayed)} to be sent again")


def _unknown(delivery_id: str) -> SpecError:
    return SpecError(f"there is no webhook {delivery_id}; `gopfarm webhooks list` shows those that wait")


def _next(view: DeliveryView) -> str:
    if view.due is None:
        return ""
    wait = view.due - time.time()
    return f"in {clock(wait)}" if wait > 0 else "now"
