"""Publication: the last look at what lies at the destination, then the playlists, what viewers open last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gopfarm.errors import VerifyError
from gopfarm.plan import Plan
from gopfarm.results import TaskResult
from gopfarm.storage import Destination
from stitcher.check import check_results
from stitcher.dash import MANIFEST, dash_manifest
from stitcher.hls import ENDLIST, MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST, media_playlist, multivariant_playlist
from stitcher.presentation import AnyStream, Presentation, present
from stitcher.report import REPORT, RenditionReport, job_json, rendition_report


@dataclass(frozen=True)
class Published:
    """What was published. ``master``, ``manifest`` and ``report`` are keys below the destination ``url``.

    ``manifest`` is None for MPEG-TS; ``stale_manifest`` then says that one of an earlier CMAF publication is
    still there. ``renditions`` lists video, audio and subtitles in the plan's order.
    """

    url: str
    master: str
    manifest: str | None
    stale_manifest: bool
    report: str
    renditions: tuple[RenditionReport, ...]


def publish(
    plan: Plan,
    results: Iterable[TaskResult],
    destination: Destination,
    report: Mapping[str, object],
    before_each: Callable[[], None] = lambda: None,
) -> Published:
    """Verify everything the tasks delivered and make it visible to viewers.

    Nothing is written before the results match the plan and every segment lies at the destination with its
    delivered size. Then come the playlist of each rendition, ``job.json``, ``manifest.mpd`` (CMAF only) and
    at the very end ``master.m3u8``: whoever can open one of the last two finds everything it names.
    Publishing again writes the same playlists to the same keys.

    A ``manifest.mpd`` of an earlier CMAF publication stays where an MPEG-TS job publishes: what it names is
    immutable and still there, so its viewers keep a whole stream, and withdrawing an address that was given
    out is for its publisher to decide, who learns of it by ``Published.stale_manifest``.

    Args:
        plan: What was to be made.
        results: The results of all tasks of the plan, in any order; repeats are harmless.
        destination: Where the segments lie and the playlists go.
        report: Further content of ``job.json``, see ``stitcher.report.job_json``.
        before_each: Called before each document is written; whatever it raises ends the publishing.

    Raises:
        VerifyError: Results and plan differ, or an object is missing or has another size; nothing was
            written.
        DestinationError: The destination refuses to be read or written.
        ServiceError: Object storage cannot be reached.
    """
    presentation = present(plan, check_results(plan, results))
    for stream in presentation.streams:
        _check_stored(stream, destination)
    with_manifest = plan.format == "cmaf"
    stale_manifest = not with_manifest and destination.get_bytes(MANIFEST) is not None
    for key, data in _documents(plan, presentation, report):
        before_each()
        destination.put_bytes(key, data)
    return Published(
        url=destination.url,
        master=MULTIVARIANT_PLAYLIST,
        manifest=MANIFEST if with_manifest else None,
        stale_manifest=stale_manifest,
        report=REPORT,
        renditions=tuple(rendition_report(stream) for stream in presentation.streams),
    )


def restore_playlists(plan: Plan, results: Iterable[TaskResult], destination: Destination) -> None:
    """Write the final playlists of all renditions once more, after one that grows was written too late."""
    for stream in present(plan, check_results(plan, results)).streams:
        destination.put_bytes(*_media(plan, stream))


def is_growing(plan: Plan, destination: Destination) -> bool:
    """Tell whether viewers have playlists of a plan of which at least one has no end yet."""
    keys = (f"{rendition.directory}/{MEDIA_PLAYLIST}" for rendition in plan.renditions)
    playlists = (destination.get_bytes(key) for key in keys)
    return any(playlist is not None and ENDLIST.encode() not in playlist for playlist in playlists)


def rendition_reports(plan: Plan, results: Iterable[TaskResult]) -> tuple[RenditionReport, ...]:
    """Return the size and rates of every rendition of finished tasks, as ``publish`` reports them."""
    presentation = present(plan, check_results(plan, results))
    return tuple(rendition_report(stream) for stream in presentation.streams)


def _documents(
    plan: Plan, presentation: Presentation, report: Mapping[str, object]
) -> list[tuple[str, bytes]]:
    """Return key and content of everything to write, in order; all of it is made before any is written."""
    documents = [_media(plan, stream) for stream in presentation.streams]
    documents.append((REPORT, job_json(plan, presentation, report)))
    if plan.format == "cmaf":
        documents.append((MANIFEST, dash_manifest(presentation).encode()))
    documents.append((MULTIVARIANT_PLAYLIST, multivariant_playlist(presentation).encode()))
    return documents


def _media(plan: Plan, stream: AnyStream) -> tuple[str, bytes]:
    """Return key and content of a rendition's playlist."""
    key = f"{stream.rendition.directory}/{MEDIA_PLAYLIST}"
    return key, media_playlist(stream, plan.format, plan.target_duration).encode()


def _check_stored(stream: AnyStream, destination: Destination) -> None:
    """Refuse a rendition of which an object is missing at the destination or has another size."""
    folder = stream.rendition.directory
    stored = destination.sizes(folder)
    for file in stream.delivery.files:
        size = stored.get(f"{folder}/{file.file}")
        if size != file.size:
            found = "is missing at the destination" if size is None else f"has {size} bytes there"
            where = f"{stream.rendition.name} segment {file.number} ({file.file})"
            raise VerifyError(f"{where}: {file.size} bytes were delivered, it {found}")
