"""Tasks as the scheduler plans them, over clips of every kind: what comes out must be what was planned."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from encoders import annexb
from encoders.tasks import run_task
from gopfarm.errors import EncodeError, SourceError
from gopfarm.plan import Plan, VideoTask
from gopfarm.profile import SegmentFormat
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from gopfarm.timeline import MAX_GOP_SECONDS
from tests.encoders.clips import (
    Clips,
    complaints,
    encode,
    join,
    look,
    pictures_by_ffmpeg,
    plan_of,
    psnr,
    reference,
    run,
    video_of,
)

FORMATS: tuple[SegmentFormat, ...] = ("cmaf", "ts")

SOURCES = [
    *("closed.mp4", "open.mp4", "editlist.mp4", "offset.ts", "ntsc.mkv", "variable.mp4", "rotated.mp4"),
    *("full_range.mp4", "still.mp4", "resized.ts"),
]


class Encoded:
    """A clip, its plan, and what its tasks made of it."""

    def __init__(self, path: Path, segment_format: SegmentFormat, scratch: Path) -> None:
        self.path = path
        self.plan = plan_of(path, segment_format=segment_format)
        self.scratch = scratch
        self.results: list[TaskResult] = encode(self.plan, path, scratch)

    def parts(self, rendition: str) -> list[RenditionResult]:
        """What each chunk gave for a rendition."""
        return [part for result in self.results for part in result.renditions if part.rendition == rendition]

    def segments(self, rendition: str) -> list[SegmentResult]:
        """The segments of a rendition, in order."""
        return [segment for part in self.parts(rendition) for segment in part.segments]


Made = dict[tuple[str, str], Encoded]


@pytest.fixture(scope="session")
def encoded(clip: Clips, tmp_path_factory: pytest.TempPathFactory) -> Made:
    made: Made = {}
    for name in SOURCES:
        for kind in FORMATS:
            if name in SOURCES[:5] or kind == "cmaf":
                made[name, kind] = Encoded(clip(name), kind, tmp_path_factory.mktemp("encoded"))
    return made


ALL = [(name, kind) for name in SOURCES for kind in FORMATS if name in SOURCES[:5] or kind == "cmaf"]
each = pytest.mark.parametrize(("name", "kind"), ALL)


@each
def test_the_joined_segments_decode_without_a_warning(name: str, kind: str, encoded: Made) -> None:
    made = encoded[name, kind]
    for rendition in (*made.plan.video, *made.plan.audio):
        assert complaints(join(made.scratch, rendition.name)) == ""


@each
def test_every_segment_has_the_planned_frames_at_the_planned_times(
    name: str, kind: str, encoded: Made
) -> None:
    made = encoded[name, kind]
    plan = made.plan
    start = plan.video_start + (10 if kind == "ts" else 0)
    for rendition in plan.video:
        with av.open(str(join(made.scratch, rendition.name))) as container:
            frames = list(container.decode(video=0))
        times = [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in frames]
        expected = [start + Fraction(slot) / plan.grid_rate for slot in range(plan.grid_frames)]
        assert len(frames) == plan.grid_frames
        # MPEG-TS counts 1/90000 s.
        for found, wanted in zip(times, expected, strict=True):
            assert abs(found - wanted) <= (Fraction(1, 90_000) if kind == "ts" else 0)
        assert {(frame.width, frame.height) for frame in frames} == {(rendition.width, rendition.height)}
        lengths = [segment.length for segment in made.segments(rendition.name)]
        assert lengths == [segment.length for segment in plan.video_segments]


def test_the_distortion_is_that_of_the_published_pictures(clip: Clips, tmp_path: Path) -> None:
    path = clip("closed.mp4")
    height = video_of(path).height
    plan = plan_of(path, heights=[height])
    (rendition,) = plan.video
    parts = [part for one in encode(plan, path, tmp_path) for part in one.renditions]
    told = [part.distortion for part in parts if part.rendition == rendition.name]
    given, published = luma(path), luma(join(tmp_path, rendition.name))
    assert len(told) > 1
    assert None not in told
    assert sum(one.samples for one in told if one) == given.size
    assert sum(one.squared_error for one in told if one) == np.sum((given - published) ** 2)


def luma(path: Path) -> NDArray[np.int64]:
    """Decode 8-bit luma: an array of (frames, height, width)."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[: frame.height] for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.int64)


@each
def test_every_segment_starts_with_an_idr_and_no_gop_is_too_long(name: str, kind: str, encoded: Made) -> None:
    made = encoded[name, kind]
    start = made.plan.video_start + (10 if kind == "ts" else 0)
    with av.open(str(join(made.scratch, made.plan.video[0].name))) as container:
        stream = container.streams.video[0]
        idr, rows = [], []
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            data = bytes(packet)
            if kind == "cmaf":
                assert not any(data.startswith(b"\x00\x00\x00\x01" + bytes([nal])) for nal in (0x67, 0x68))
                data = from_length_prefixed(data)
            slot = round((packet.pts * packet.time_base - start) * made.plan.grid_rate)
            if annexb.starts_with_idr(data):
                idr.append(slot)
                if kind == "ts":
                    assert len(annexb.parameter_sets(data)) == 2
            rows.append((packet.dts, slot))
    assert {segment.start for segment in made.plan.video_segments} <= set(idr)
    longest = max(b - a for a, b in pairwise([*idr, made.plan.grid_frames]))
    assert longest <= max(1, MAX_GOP_SECONDS * made.plan.grid_rate)
    decoding = [dts for dts, _ in rows if dts is not None]
    assert len(decoding) == made.plan.grid_frames
    assert all(a < b for a, b in pairwise(decoding))


def from_length_prefixed(sample: bytes) -> bytes:
    stream = b""
    while sample:
        size = int.from_bytes(sample[:4], "big")
        stream += b"\x00\x00\x00\x01" + sample[4 : 4 + size]
        sample = sample[4 + size :]
    return stream


@each
def test_all_chunks_of_a_rendition_have_the_same_decoder_configuration(
    name: str, kind: str, encoded: Made
) -> None:
    made = encoded[name, kind]
    for rendition in made.plan.video:
        parts = made.parts(rendition.name)
        assert len({(part.codec, part.parameters) for part in parts}) == 1
        assert len(parts) == sum(isinstance(task, VideoTask) for task in made.plan.tasks)
        assert [part.init is not None for part in parts] == [
            kind == "cmaf" and n == 0 for n in range(len(parts))
        ]


def test_long_clips_are_cut_into_several_chunks(encoded: Made) -> None:
    """Otherwise the tests above would not see a joint."""
    for name in ("closed.mp4", "open.mp4", "offset.ts", "ntsc.mkv", "editlist.mp4", "variable.mp4"):
        assert len(encoded[name, "cmaf"].parts("96p")) >= 3


@each
def test_what_is_reported_is_what_was_written(name: str, kind: str, encoded: Made) -> None:
    made = encoded[name, kind]
    for rendition in (*made.plan.video, *made.plan.audio):
        parts = made.parts(rendition.name)
        reported = [*made.segments(rendition.name), *(part.init for part in parts if part.init)]
        folder = made.scratch / rendition.name
        assert {file.name for file in folder.iterdir()} == {segment.file for segment in reported}
        for segment in reported:
            data = (folder / segment.file).read_bytes()
            assert (segment.size, segment.sha256) == (len(data), sha256(data).hexdigest())


@pytest.mark.parametrize("name", ["closed.mp4", "editlist.mp4", "offset.ts"])
def test_the_picture_is_that_of_the_source(name: str, encoded: Made) -> None:
    made = encoded[name, "cmaf"]
    found = pictures_by_ffmpeg(join(made.scratch, "96p"), size=(160, 96))
    source = pictures_by_ffmpeg(made.path, size=(160, 96))
    assert len(found) == len(source)
    for n in range(0, len(found), 9):
        right = psnr(found[n], source[n])
        assert right > 22
        assert right > max(psnr(found[n], source[m]) for m in (n - 2, (n + 2) % len(found)))


@pytest.mark.parametrize("name", ["closed.mp4", "editlist.mp4"])
def test_picture_and_sound_start_together_at_zero(name: str, encoded: Made) -> None:
    made = encoded[name, "cmaf"]
    for rendition in (*made.plan.video, *made.plan.audio):
        with av.open(str(join(made.scratch, rendition.name))) as container:
            frame = next(frame for frame in container.decode(container.streams[0]))
            assert abs(container.start_time or 0) < 5_000  # microseconds
        assert frame.pts is not None
        assert frame.time_base is not None
        assert abs(frame.pts * frame.time_base) < Fraction(5, 1000)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_task_run_again_alone_gives_the_same_bytes(kind: str, encoded: Made, tmp_path: Path) -> None:
    made = encoded["closed.mp4", kind]
    for task, before in zip(made.plan.tasks, made.results, strict=True):
        again = run(task, made.path, tmp_path / task.id)
        assert again.renditions == before.renditions
        for part in again.renditions:
            for segment in part.segments:
                one, other = (
                    (folder / part.rendition / segment.file).read_bytes()
                    for folder in (tmp_path / task.id, made.scratch)
                )
                assert one == other


@pytest.mark.parametrize("groups", [[1, 2], [2, 1], [1, 1, 1]])
def test_renditions_come_out_the_same_whichever_share_a_task(
    groups: list[int], clip: Clips, tmp_path: Path
) -> None:
    path = clip("closed.mp4")
    tasks = plan_of(path, heights=(96, 64, 48)).tasks
    whole = next(task for task in tasks if isinstance(task, VideoTask))
    together = run(whole, path, tmp_path / "together")
    parts: list[RenditionResult] = []
    for size in groups:
        group = whole.renditions[len(parts) : len(parts) + size]
        parts += run(replace(whole, renditions=group), path, tmp_path / "apart").renditions
    assert tuple(parts) == together.renditions
    alone = run(replace(whole, renditions=whole.renditions[-1:], sizes=()), path, tmp_path / "alone")
    assert alone.renditions != together.renditions[-1:], "scaled from the source itself, as a proof"


def test_files_and_progress_are_told_as_they_come(clip: Clips, tmp_path: Path) -> None:
    plan: Plan = plan_of(clip("closed.mp4"), heights=(48,))
    task = next(task for task in plan.tasks if isinstance(task, VideoTask))
    files: list[tuple[str, str, bool]] = []
    done: list[int] = []

    def on_file(rendition: str, file: SegmentResult) -> None:
        files.append((rendition, file.file, (tmp_path / rendition / file.file).stat().st_size == file.size))

    with clip("closed.mp4").open("rb") as source:
        run_task(task, source, tmp_path, on_file, done.append)
    expected = ["init.mp4", *(f"{segment.number:05d}.m4s" for segment in task.segments)]
    assert files == [("48p", name, True) for name in expected]
    assert done == list(range(1, task.end - task.start + 1))


def test_the_cost_of_a_task_is_reported(encoded: Made) -> None:
    for result in encoded["closed.mp4", "cmaf"].results:
        assert result.frames_decoded > 0
        assert result.frames_damaged == 0
        assert 0 < result.cpu_seconds < 60
        assert result.wall_seconds > 0
        assert 10 << 20 < result.peak_memory < 8 << 30


def test_colours_of_the_source_are_written_into_the_stream(clip: Clips, tmp_path: Path) -> None:
    facts = look(clip("closed.mp4"))
    assert facts.video is not None
    colour = replace(facts.video.colour, primaries=1, transfer=1, matrix=1)
    plan = plan_of(
        clip("closed.mp4"), facts=replace(facts, video=replace(facts.video, colour=colour)), heights=(48,)
    )
    encode(plan, clip("closed.mp4"), tmp_path)
    with av.open(str(join(tmp_path, "48p"))) as container:
        frame = next(container.decode(video=0))
    tags = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
    assert [int(tag) for tag in tags] == [1, 1, 1, 1]


def test_rgb_sources_become_pictures_that_are_not_tagged_as_rgb(clip: Clips, tmp_path: Path) -> None:
    path = clip("rgb.mp4")
    plan = plan_of(path, heights=(96,))
    encode(plan, path, tmp_path)
    joined = join(tmp_path, "96p")
    assert complaints(joined) == ""
    with av.open(str(joined)) as container:
        found = next(container.decode(video=0))
    with av.open(str(path)) as container:
        source = next(container.decode(video=0))
    assert found.format.name == "yuv420p"
    assert int(found.colorspace) != 0
    assert psnr(found.to_ndarray(format="rgb24"), source.to_ndarray(format="rgb24")) > 20


def test_a_source_that_is_no_media_any_more_is_refused(clip: Clips, tmp_path: Path) -> None:
    task = plan_of(clip("closed.mp4")).tasks[-1]
    with pytest.raises(SourceError, match="not a video or audio file"):
        run_task(task, io.BytesIO(b"gone" * 1000), tmp_path, lambda *_: None, lambda _: None)


def test_a_source_that_lost_its_streams_is_an_error_that_says_so(clip: Clips, tmp_path: Path) -> None:
    plan = plan_of(clip("closed.mp4"))
    for task in (plan.tasks[0], plan.tasks[-1]):
        other = clip("sound.m4a") if isinstance(task, VideoTask) else clip("still.mp4")
        moved = replace(task, source=reference(other))
        with pytest.raises(EncodeError, match=r"stream \d"):
            run(moved, other, tmp_path)
