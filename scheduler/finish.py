"""The end of a job: publish what was encoded, or remove what was not published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import ceil

import redis

from gopfarm import tracing
from gopfarm.errors import DamagedError
from gopfarm.plan import Plan
from gopfarm.results import TaskResult, result_folder
from gopfarm.spec import JobSpec
from gopfarm.storage import Destination, open_destination, place_of, shown
from gopfarm.store import JobState, JobView, TaskStore, destination_lock
from scheduler.normalise import assumed_colour, target_colour
from scheduler.planner import chunk_name
from stitcher import MANIFEST, MASTER, MEDIA_PLAYLIST, Published, is_growing, publish

#: Damaged packets that fail no job, however short the film is.
_ALWAYS_ALLOWED = 2

#: A lost packet of sound is a short silence and spoils nothing after it: so many times more may be lost.
_SOUND_FACTOR = 5

#: Share of the pictures that a decoder may have had to make up in part: beyond half, nobody wants to watch.
_MOST_CONCEALED = 0.5


@tracing.span("publish")
def publish_job(store: TaskStore, job_id: str, plan: Plan, before_each: Callable[[], None]) -> Published:
    """Verify and publish a job whose tasks are all done; ``before_each`` is called before each document.

    Raises:
        DamagedError: More of the source is damaged than the profile allows.
        FarmError: What lies at the destination is not what was planned, or it cannot be written.
    """
    spec, view = store.spec(job_id), store.view(job_id)
    assert view is not None
    results = store.results(job_id)
    check_damage(plan, results)
    report = _report(spec, view, plan, results, store.attempts(job_id))
    return publish(plan, results, open_destination(spec.destination), report, before_each)


def check_damage(plan: Plan, results: Sequence[TaskResult]) -> None:
    """Refuse a film of which too much could not be decoded, or of which most had to be made up.

    Raises:
        DamagedError: It says how much, and what the profile allows.
    """
    kinds, name = {task.id: task.kind for task in plan.tasks}, shown(plan.facts.source.url)
    for kind, what, factor in (("video", "pictures", 1), ("audio", "packets of sound", _SOUND_FACTOR)):
        counted = [result for result in decoded_once(results) if kinds.get(result.task) == kind]
        whole = sum(result.frames_decoded for result in counted)
        damaged = sum(result.frames_damaged for result in counted)
        allowed = max(_ALWAYS_ALLOWED, ceil(factor * plan.max_damaged * (whole + damaged)))
        if damaged > allowed:
            raise DamagedError(
                f"{name}: {damaged} of {whole + damaged} {what} in the source are damaged; "
                f"max_damaged {plan.max_damaged:g} allows {allowed}"
            )
        concealed = sum(result.frames_concealed for result in counted)
        if concealed > whole * _MOST_CONCEALED and plan.max_damaged < 1:
            raise DamagedError(f"{name}: {concealed} of {whole} {what} in the source are damaged in part")


def decoded_once(results: Sequence[TaskResult]) -> list[TaskResult]:
    """Return one result for each chunk and track: tasks that share a chunk decode the same pictures."""
    return list({chunk_name(result.task): result for result in results}.values())


def _report(
    spec: JobSpec, view: JobView, plan: Plan, results: list[TaskResult], attempts: Mapping[str, int]
) -> dict[str, object]:
    """Collect what job.json says besides the ladder: the source, how long everything took, what it cost."""
    tasks = {task.id: task for task in plan.tasks}
    return {
        "job": {
            "id": view.id,
            "tenant": view.tenant,
            "priority": view.priority,
            "retries": view.retries,
            "metadata": spec.metadata,
        },
        "source": source_report(plan),
        "times": view.times,
        "first_playable_seconds": first_playable(view),
        "cost": {
            "cpu_seconds": round(sum(result.cpu_seconds for result in results), 3),
            "task_seconds": round(sum(result.wall_seconds for result in results), 3),
            "peak_memory_bytes": max((result.peak_memory for result in results), default=0),
            "source_bytes_read": sum(result.source_bytes_read for result in results),
        },
        "failures": [failure.model_dump() for failure in view.failures],
        "damage": {
            "frames_damaged": sum(result.frames_damaged for result in decoded_once(results)),
            "frames_concealed": sum(result.frames_concealed for result in decoded_once(results)),
        },
        "tasks": [
            {
                "id": result.task,
                "kind": tasks[result.task].kind,
                "attempts": attempts.get(result.task, 0),
                "cpu_seconds": round(result.cpu_seconds, 3),
                "wall_seconds": round(result.wall_seconds, 3),
                "peak_memory_bytes": result.peak_memory,
                "source_bytes_read": result.source_bytes_read,
                "frames_decoded": result.frames_decoded,
                "frames_damaged": result.frames_damaged,
                "frames_concealed": result.frames_concealed,
            }
            for result in sorted(results, key=lambda result: result.task)
            if result.task in tasks
        ],
    }


def first_playable(view: JobView) -> float | None:
    """Return the seconds from submission until viewers saw the beginning; None where nothing has grown."""
    playable = view.times.get("playable")
    return None if playable is None else round(playable - view.times["queued"], 3)


def source_report(plan: Plan) -> dict[str, object]:
    """Return what the source is, for ``job.json`` and for whoever looks at a plan."""
    facts, video = plan.facts, plan.facts.video
    report: dict[str, object] = {
        "url": shown(facts.source.url),
        "size": facts.source.size,
        "etag": facts.source.etag,
        "container": facts.container,
        "duration_seconds": round(float(facts.duration), 6),
    }
    if video is not None:
        report["video"] = {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "display_size": video.display_size,
            "rotation": video.rotation,
            "mirrored": video.mirrored,
            "sample_aspect_ratio": str(video.sample_aspect_ratio),
            "scan": video.scan,
            "pixel_format": video.pixel_format,
            "colour": asdict(assumed_colour(video)),
            "published_colour": asdict(target_colour(assumed_colour(video))),
            "captions": video.captions,
            "clock_jumps": len(video.clock),
            "frame_rate": str(video.frame_rate),
            "constant_rate": video.constant_rate,
            "frames": video.frame_count,
        }
    report["audio"] = [
        {
            "codec": track.codec,
            "language": track.language,
            "channels": track.channels,
            "layout": track.layout,
            "sample_rate": track.sample_rate,
            "duration_seconds": round(float(track.duration), 6),
        }
        for track in facts.audio
    ]
    report["ignored"] = [asdict(track) for track in facts.ignored]
    report["subtitles"] = [
        {
            "codec": track.codec,
            "language": track.language,
            "title": track.title,
            "forced": track.forced,
            "published": track.text,
        }
        for track in facts.subtitles
    ]
    return report


def remove_unpublished(store: TaskStore, client: redis.Redis, job_id: str) -> bool:
    """Remove the segments of a job that ended without being published.

    Returns:
        False while workers still write, or another job may want the very same files.

    Raises:
        FarmError: The destination cannot be reached or written.
    """
    if store.busy_runs(job_id):
        return False
    plan, state = store.plan(job_id), store.state(job_id)
    if plan is None or state not in (JobState.FAILED, JobState.CANCELLED):
        return True
    destination = store.spec(job_id).destination
    with destination_lock(client, destination):
        if _wanted_elsewhere(store, plan, destination):
            return False
        remove_segments(plan, open_destination(destination))
    return True


def remove_former(store: TaskStore, plan: Plan, destination: str) -> None:
    """Remove what a retried job stored under a plan that it has no more; to be called under the lock."""
    if not _wanted_elsewhere(store, plan, destination):
        remove_segments(plan, open_destination(destination))


def _wanted_elsewhere(store: TaskStore, plan: Plan, destination: str) -> bool:
    """Tell whether a job that has not ended writes, or may find, the very same files."""
    place = place_of(destination)
    return any(
        plan_hash in (None, plan.hash) and place_of(other) == place for other, plan_hash in store.live_plans()
    )


def remove_segments(plan: Plan, destination: Destination) -> None:
    """Remove the folders of a plan, unless it was published: now, or before another one was.

    A stream that only grew goes too: from what viewers open first to what that names, so that at no moment a
    playlist names what is not there.
    """
    directories = [rendition.directory for rendition in plan.renditions]
    playlists = [f"{directory}/{MEDIA_PLAYLIST}" for directory in directories]
    documents = {name: destination.get_bytes(name) for name in (MASTER, MANIFEST)}
    naming = [name for name, document in documents.items() if document and plan.hash.encode() in document]
    growing = MANIFEST not in naming and is_growing(plan, destination)
    if naming and not growing:
        return
    found = {directory: destination.sizes(directory) for directory in directories}
    if not growing and all(playlist in found[playlist.rpartition("/")[0]] for playlist in playlists):
        return  # only publishing ends playlists, and whoever is watching goes on watching
    destination.delete(naming)
    destination.delete(playlists)
    keys = [key for sizes in found.values() for key in sizes]
    destination.delete([*keys, *destination.sizes(result_folder(plan.hash))])
