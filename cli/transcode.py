"""``gopfarm transcode``: the whole farm in one command."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict

import click
from rich.console import Console

from cli.embedded import EmbeddedFarm
from cli.expected import expected_of
from cli.options import absolute, chosen_profile, profile_options, publish_option
from cli.output import clock, explains_errors, json_option, print_json
from cli.progress import ProgressView, summary_table
from encoders.registry import available_encoders
from gopfarm.broker import JOBS_QUEUE, FarmBroker, send
from gopfarm.errors import FarmError, JobFailedError, error_from
from gopfarm.log import configure_logging, get_logger
from gopfarm.plan import Plan
from gopfarm.process import cores
from gopfarm.settings import get_settings
from gopfarm.spec import JobSpec, PublishMode, make_spec
from gopfarm.storage import open_destination, open_source
from gopfarm.store import JobState, TaskStore, connect, reachable
from scheduler.finish import first_playable, remove_segments
from stitcher import MASTER, RenditionReport, rendition_reports
from worker.room import check_room
from worker.slots import choose_slots

log = get_logger(__name__)

#: Seconds between looks at the job.
_POLL_SECONDS = 0.2


@click.command(
    epilog="""\b
Examples:
  gopfarm transcode film.mp4 out/film
  gopfarm transcode film.mp4 s3://bucket/films/42 --preset fast
  gopfarm transcode talk.mov out/talk --profile my-ladder.yaml --format ts --workers 4"""
)
@click.argument("source")
@click.argument("destination", metavar="DEST")
@profile_options
@publish_option
@click.option("--workers", type=click.IntRange(1, 1024), help="Encoding processes; default: one a CPU core.")
@click.option("-v", "--verbose", is_flag=True, help="Show the farm's log as well.")
@json_option
@explains_errors
def transcode(
    source: str,
    destination: str,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
    publish: PublishMode,
    workers: int | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Turn the video SOURCE into an HLS and DASH stream under DEST.

    SOURCE and DEST are paths, file:///... or s3://bucket/key. Starts everything it needs, shows progress,
    and stops everything again.
    """
    configure_logging("info" if verbose else "error")
    settings = get_settings()
    chosen = chosen_profile(settings, profile, preset, segment_seconds, segment_format, encoder)
    spec = make_spec(
        source=absolute(source), destination=absolute(destination), profile=chosen, publish=publish
    )
    open_source(spec.source, https_hosts=settings.source_hosts).close()
    open_destination(spec.destination).check_writable()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=True)
    started = time.monotonic()
    encoders = available_encoders()
    slots = choose_slots(workers or cores(), 1, (), encoders)
    check_room(settings.scratch_dir, sum(slots.values()))
    with EmbeddedFarm(settings, slots, encoders) as farm, reachable(farm.settings.redis_url):
        renditions, playable = _run(farm, spec, console)
    _report(spec, renditions, playable, time.monotonic() - started, console, as_json)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _run(
    farm: EmbeddedFarm, spec: JobSpec, console: Console
) -> tuple[tuple[RenditionReport, ...], float | None]:
    """Submit the job as any backend would and follow it to its end.

    Returns:
        What was published, and the seconds until it could be watched, if that was before it was whole.
    """
    settings = farm.settings
    store = TaskStore(connect(settings.redis_url), settings.job_ttl_days * 86400)
    broker = FarmBroker(settings.redis_url, {})
    job_id = send(broker, JOBS_QUEUE, "submit", spec.model_dump_json())
    plan: Plan | None = None
    try:
        with ProgressView(console) as view:
            while not (state := store.state(job_id)) or not state.ended:
                if state is not None:
                    view.show_state(state)
                if state is JobState.ENCODING:
                    plan = plan or store.plan(job_id)
                    if plan is not None:
                        view.show_tasks(plan, store.progress(job_id))
                        view.show_eta(expected_of(store, job_id, state, settings.slot_hour_price))
                    if spec.publish == "progressive" and (job := store.view(job_id)) is not None:
                        view.show_playable(job)
                time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        published = _take_back(farm, store, job_id, spec)
        nothing = "nothing was published" if spec.publish == "whole" else "nothing stays published"
        outcome = "the stream is published all the same" if published else nothing
        console.print(f"gopfarm: interrupted, {outcome}", highlight=False)
        raise
    if state is not JobState.DONE:
        _take_back(farm, store, job_id, spec)
    job = store.view(job_id)
    assert job is not None
    if state is not JobState.DONE:
        raise error_from(job.error_kind or JobFailedError.kind, job.error or f"the job was {state}")
    plan = plan or store.plan(job_id)
    assert plan is not None
    return rendition_reports(plan, store.results(job_id)), first_playable(job)


def _take_back(farm: EmbeddedFarm, store: TaskStore, job_id: str, spec: JobSpec) -> bool:
    """End a job and remove what it has stored so far; True if it was being published and now is."""
    store.cancel(job_id)
    farm.stop_roles()
    plan, state = store.plan(job_id), store.state(job_id)
    if plan is not None and state in (JobState.CANCELLED, JobState.FAILED):
        try:
            remove_segments(plan, open_destination(spec.destination))
        except FarmError as error:  # the reason why the job ended matters more
            log.error("what was stored could not be removed", reason=str(error))
    return state is JobState.DONE


def _report(
    spec: JobSpec,
    renditions: tuple[RenditionReport, ...],
    playable: float | None,
    seconds: float,
    console: Console,
    as_json: bool,
) -> None:
    master = f"{spec.destination.rstrip('/')}/{MASTER}"
    if as_json:
        print_json(
            {
                "master": master,
                "seconds": round(seconds, 3),
                "first_playable_seconds": playable,
                "renditions": [asdict(row) for row in renditions],
            }
        )
        return
    out = Console(soft_wrap=True, highlight=False)
    out.print(summary_table(renditions, seconds))
    out.print(f"\ndone in {clock(seconds)}")
    out.print(master, style="bold", markup=False)
