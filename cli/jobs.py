"""The commands that submit jobs to a running farm, and show, follow, end or repeat them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import click
from rich.console import Console

from cli.calling import farm_redis, trace_of_caller
from cli.jobviews import document_of, print_view, print_views
from cli.options import absolute, chosen_profile, profile_options, publish_option
from cli.output import explains_errors, json_option, print_json
from cli.progress import ProgressView
from gopfarm.broker import JOBS_QUEUE, FarmBroker, send
from gopfarm.errors import JobFailedError, ServiceError, SpecError, error_from
from gopfarm.settings import Settings
from gopfarm.spec import PublishMode, WebhookEvent, make_spec
from gopfarm.store import PRIORITIES, JobState, JobView, TaskStore
from gopfarm.store.listing import Filter, Listing
from scheduler.expected import expected_of
from scheduler.intake import job_id_for
from scheduler.orders import not_retried, retry_job, set_priority

#: Seconds that a job just submitted may take to become known.
_ARRIVAL_SECONDS = 10.0

_POLL_SECONDS = 0.3

_PRIORITY = click.IntRange(PRIORITIES[0], PRIORITIES[-1])


@contextmanager
def _farm() -> Iterator[tuple[Settings, TaskStore]]:
    """Connect to the farm's store."""
    with farm_redis() as (settings, client):
        yield settings, TaskStore(client, settings.job_ttl_days * 86400)


def _view(store: TaskStore, job_id: str) -> JobView:
    view = store.view(job_id)
    if view is None:
        raise _no_job(job_id)
    return view


def _no_job(job_id: str) -> SpecError:
    return SpecError(f"there is no job {job_id}")


@click.command(
    epilog="""\b
Examples:
  gopfarm submit s3://bucket/uploads/42.mp4 s3://bucket/streams/42
  gopfarm submit in.mp4 out/film --priority 9 --tenant school --key upload-42 --watch"""
)
@click.argument("source")
@click.argument("destination", metavar="DEST")
@profile_options
@publish_option
@click.option("--priority", type=_PRIORITY, default=5, show_default=True, help="9 is most urgent.")
@click.option("--tenant", default="default", show_default=True, help="Who the job belongs to.")
@click.option("--key", help="Idempotency key: submitting again with it gives the same job.")
@click.option("--webhook", help="https:// address that gets a POST when the job ends.")
@click.option(
    "--webhook-event",
    "webhook_events",
    multiple=True,
    type=click.Choice(get_args(WebhookEvent)),
    help="What the webhook hears of (repeatable); by default the end of the job.",
)
@click.option("--metadata", default="{}", metavar="JSON", help="Free JSON object, given back in job.json.")
@click.option("--watch", "follow", is_flag=True, help="Follow the job to its end.")
@json_option
@explains_errors
def submit(
    source: str,
    destination: str,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
    publish: PublishMode,
    priority: int,
    tenant: str,
    key: str | None,
    webhook: str | None,
    webhook_events: tuple[WebhookEvent, ...],
    metadata: str,
    follow: bool,
    as_json: bool,
) -> None:
    """Submit the job of turning SOURCE into a stream under DEST; prints the job's id."""
    with _farm() as (settings, store):
        chosen = chosen_profile(settings, profile, preset, segment_seconds, segment_format, encoder)
        try:
            free = json.loads(metadata)
        except json.JSONDecodeError:
            raise SpecError("--metadata must be a JSON object, such as '{\"course\": 7}'") from None
        spec = make_spec(
            source=absolute(source),
            destination=absolute(destination),
            profile=chosen,
            publish=publish,
            priority=priority,
            tenant=tenant,
            idempotency_key=key,
            webhook=webhook,
            **({"webhook_events": webhook_events} if webhook_events else {}),
            metadata=free,
        )
        broker = FarmBroker(settings.redis_url, {})
        message = send(broker, JOBS_QUEUE, "submit", spec.model_dump_json(), **trace_of_caller())
        job_id = job_id_for(spec, message)
        if not follow:
            print_json({"job": job_id}) if as_json else click.echo(job_id)
            return
        click.echo(job_id, err=True)
        _follow(settings, store, job_id, as_json)


@click.command(epilog="\b\nExample:\n  gopfarm status 1f0c2a7e-... --json")
@click.argument("job_id", metavar="JOB")
@json_option
@explains_errors
def status(job_id: str, as_json: bool) -> None:
    """Show what a job is doing, or how it ended."""
    with _farm() as (settings, store):
        view = _view(store, job_id)
        expected = expected_of(store, job_id, view.state, settings.slot_hour_price)
    print_json(document_of(view, expected)) if as_json else print_view(view, expected)


@click.command(epilog="\b\nExample:\n  gopfarm watch 1f0c2a7e-...")
@click.argument("job_id", metavar="JOB")
@json_option
@explains_errors
def watch(job_id: str, as_json: bool) -> None:
    """Follow a job to its end. Exits with 0 when it is done, with 1 or 2 when it failed.

    With --json, prints one object a line whenever something changed.
    """
    with _farm() as (settings, store):
        _follow(settings, store, job_id, as_json)


def _follow(settings: Settings, store: TaskStore, job_id: str, as_json: bool) -> None:
    deadline = time.monotonic() + _ARRIVAL_SECONDS
    while (view := store.view(job_id)) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if view is None:
        raise ServiceError(
            f"job {job_id} is not known and was not taken up within {_ARRIVAL_SECONDS:.0f} s: "
            "is a scheduler running?"
        )
    last: JobView | None = None
    plan = None
    with ProgressView(Console(stderr=True, quiet=as_json)) as progress:
        while True:
            view = _view(store, job_id)
            if as_json and view != last:
                expected = expected_of(store, job_id, view.state, settings.slot_hour_price)
                click.echo(json.dumps(document_of(view, expected)))
                sys.stdout.flush()
            last = view
            if view.state.ended:
                break
            progress.show_state(view.state)
            progress.show_playable(view)
            if view.state is JobState.ENCODING and not as_json:
                plan = plan or store.plan(job_id)
                if plan is not None:
                    progress.show_tasks(plan, store.progress(job_id))
                    progress.show_eta(expected_of(store, job_id, view.state, settings.slot_hour_price))
            time.sleep(_POLL_SECONDS)
    if view.state is JobState.FAILED:
        raise error_from(view.error_kind or "failed", view.error or "the job failed")
    if view.state is JobState.CANCELLED:
        raise JobFailedError(f"job {job_id} was cancelled")
    if not as_json:
        print_view(view)


@click.command("list", epilog="\b\nExamples:\n  gopfarm list\n  gopfarm list --state failed --limit 200")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only in this state.")
@click.option("--tenant", help="Only of this tenant.")
@json_option
@explains_errors
def list_jobs(limit: int, state: str | None, tenant: str | None, as_json: bool) -> None:
    """List jobs, newest first. Of failed attempts at tasks, the last three of each job are told."""
    wanted = Filter({tenant} if tenant else None, {JobState(state)} if state else None)
    with farm_redis() as (_, client):
        views = Listing(client).newest(wanted, limit)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    print_views(views)


@click.command(epilog="\b\nExample:\n  gopfarm cancel 1f0c2a7e-...")
@click.argument("job_id", metavar="JOB")
@json_option
@explains_errors
def cancel(job_id: str, as_json: bool) -> None:
    """Cancel a job. What it has not published is removed; a job that has ended stays as it is.

    Cancelling a job that was cancelled before is no error.
    """
    with _farm() as (_, store):
        _view(store, job_id)
        store.cancel(job_id)
        view = _view(store, job_id)
    if view.state is not JobState.CANCELLED:
        raise JobFailedError(f"job {job_id} is {view.state} and cannot be cancelled any more")
    if as_json:
        print_json({"job": job_id, "cancelled": True})
    else:
        click.echo(f"cancelled {job_id}")


@click.command(epilog="\b\nExamples:\n  gopfarm retry 1f0c2a7e-...\n  gopfarm retry 1f0c2a7e-... --watch")
@click.argument("job_id", metavar="JOB")
@click.option("--watch", "follow", is_flag=True, help="Follow the job to its end.")
@json_option
@explains_errors
def retry(job_id: str, follow: bool, as_json: bool) -> None:
    """Send a job that failed or was cancelled through again.

    The source is looked at anew. What the job has stored and still fits is used: only what is missing is
    encoded.
    """
    with _farm() as (settings, store):
        view = _view(store, job_id)
        outcome = retry_job(store, settings, view)
        if not outcome:
            raise _no_job(job_id)  # forgotten since
        if outcome != "retried":
            raise JobFailedError(f"job {job_id} {not_retried(outcome)}")
        if follow:
            click.echo(job_id, err=True)
            _follow(settings, store, job_id, as_json)
            return
    print_json({"job": job_id, "retried": True}) if as_json else click.echo(f"retried {job_id}")


@click.command(
    epilog="\b\nExamples:\n  gopfarm priority 1f0c2a7e-... 9\n  gopfarm priority 1f0c2a7e-... 2 --json"
)
@click.argument("job_id", metavar="JOB")
@click.argument("level", metavar="PRIORITY", type=_PRIORITY)
@json_option
@explains_errors
def priority(job_id: str, level: int, as_json: bool) -> None:
    """Change the priority of a job that has not ended: 9 is the most urgent, 0 the least.

    Its tasks that no worker has begun are given out anew, in the order of what is urgent now.
    """
    with _farm() as (settings, store):
        view = _view(store, job_id)
        outcome = set_priority(store, settings, view, level)
    if outcome != "changed":
        raise JobFailedError(f"job {job_id} is {outcome}: what has ended cannot be more or less urgent")
    if as_json:
        print_json({"job": job_id, "priority": level})
    else:
        click.echo(f"{job_id} has priority {level}")
