"""``gopfarm events``: what happened to jobs, from the farm's stream of events."""

from __future__ import annotations

import sys
import time

import click

from cli.calling import farm_redis
from cli.output import explains_errors, json_option, moment
from gopfarm.errors import SpecError
from gopfarm.store.eventids import event_id, event_order
from gopfarm.store.events import Event, EventStore

#: Seconds between two looks for new events.
_POLL_SECONDS = 0.5


@click.command(
    epilog="""\b
Examples:
  gopfarm events --job 1f0c2a7e-...
  gopfarm events --follow --json
  gopfarm events --since 1764032737123-0 --follow --json"""
)
@click.option("--job", "job_id", metavar="JOB", help="Only of this job.")
@click.option("--since", metavar="ID", help="Only those after the event with this id.")
@click.option("--follow", is_flag=True, help="Go on with what happens from here on, until Ctrl-C.")
@json_option
@explains_errors
def events(job_id: str | None, since: str | None, follow: bool, as_json: bool) -> None:
    """Show the ends of jobs and each tenth of their work, oldest first; about 100,000 are remembered.

    With --json, prints one object a line. To follow without a gap, pass the last id that was seen to --since.
    """
    try:
        after = event_id(since or "0")
    except SpecError as error:
        raise SpecError(f"--since: {error}") from None
    with farm_redis() as (_, client):
        store = EventStore(client)
        while True:
            # Taken before, so that no event of another job is read twice, nor one missed in between.
            last = store.last_event()
            for event in store.events(after, job_id):
                _print(event, as_json)
                after = event.id
            after = max(after, last, key=event_order)
            sys.stdout.flush()
            if not follow:
                return
            time.sleep(_POLL_SECONDS)


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        click.echo(event.model_dump_json())
        return
    share = f"{100 * event.progress:3.0f}%"
    click.echo(f"{moment(event.time)}  {event.event:<13}  {share}  {event.job}  {event.tenant}  {event.id}")
