"""One job in the embedded farm, from its submission to the end of everything."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console

from cli.calling import trace_of_caller
from cli.embedded import EmbeddedFarm
from cli.progress import ProgressView
from gopfarm import tracing
from gopfarm.broker import JOBS_QUEUE, FarmBroker, send
from gopfarm.errors import FarmError, JobFailedError, error_from
from gopfarm.log import get_logger
from gopfarm.plan import Plan
from gopfarm.process import cores
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec
from gopfarm.storage import open_destination
from gopfarm.store import JobState, TaskStore, connect, reachable
from scheduler.expected import expected_of
from scheduler.finish import first_playable, remove_segments
from stitcher import RenditionReport, rendition_reports
from worker.capabilities import find_encoders
from worker.room import check_room
from worker.slots import choose_slots

log = get_logger(__name__)

#: Seconds between looks at the job.
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Done:
    """What was published, and the seconds until it could be watched, if that was before it was whole."""

    renditions: tuple[RenditionReport, ...]
    first_playable: float | None


def run_here(spec: JobSpec, settings: Settings, workers: int | None, console: Console) -> Done:
    """Start a farm, run the job on it, stop the farm.

    Args:
        spec: The job.
        settings: Settings of the process.
        workers: How many tasks run at a time; by default one for each core.
        console: Where progress is shown.

    Raises:
        FarmError: The job failed, or the farm cannot be started; nothing of it is left at the destination.
    """
    tracing.set_up("transcode")
    encoders = find_encoders()
    slots = choose_slots(workers or cores(), 1, (), encoders)
    check_room(settings.scratch_dir, sum(slots.values()))
    try:
        with EmbeddedFarm(settings, slots, encoders) as farm, reachable(farm.settings.redis_url):
            return _run(farm, spec, console)
    finally:
        tracing.shut_down()


def _run(farm: EmbeddedFarm, spec: JobSpec, console: Console) -> Done:
    """Submit the job as any backend would and follow it to its end."""
    settings = farm.settings
    store = TaskStore(connect(settings.redis_url), settings.job_ttl_days * 86400)
    broker = FarmBroker(settings.redis_url, {})
    job_id = send(broker, JOBS_QUEUE, "submit", spec.model_dump_json(), **trace_of_caller())
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
    return Done(rendition_reports(plan, store.results(job_id)), first_playable(job))


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
