"""Segments as files: each of them can be the first that a player reads."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from encoders.package import CmafPackager, CodedFrame, TrackHeader, TsPackager
from gopfarm.plan import Plan, SegmentPlan
from gopfarm.profile import SegmentFormat
from gopfarm.results import SegmentResult
from tests.encoders.clips import Clips, complaints, encode, plan_of

PACKET = 188


@pytest.fixture(scope="module")
def made(clip: Clips, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Plan, Path]]:
    path = clip("closed.mp4")
    formats: tuple[SegmentFormat, ...] = ("cmaf", "ts")
    out = {}
    for kind in formats:
        plan, folder = plan_of(path, segment_format=kind, heights=(48,)), tmp_path_factory.mktemp(kind)
        encode(plan, path, folder)
        out[kind] = plan, folder
    return out


def alone(folder: Path, segment: str, scratch: Path) -> Path:
    """A segment as a player that starts with it gets it."""
    init = folder / "init.mp4"
    path = scratch / segment
    path.write_bytes((init.read_bytes() if init.exists() else b"") + (folder / segment).read_bytes())
    return path


@pytest.mark.parametrize("kind", ["cmaf", "ts"])
def test_playing_can_start_with_any_segment(
    kind: str, made: dict[str, tuple[Plan, Path]], tmp_path: Path
) -> None:
    plan, folder = made[kind]
    extension = {"cmaf": "m4s", "ts": "ts"}[kind]
    start = {"cmaf": 0, "ts": 10}[kind]
    for segment in plan.video_segments:
        path = alone(folder / "48p", f"{segment.number:05d}.{extension}", tmp_path)
        assert complaints(path) == ""
        with av.open(str(path)) as container:
            times = [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in container.decode(video=0)]
        assert len(times) == segment.length
        assert abs(times[0] - start - segment.start / plan.grid_rate) < Fraction(1, 10_000)


@pytest.mark.parametrize("rendition", ["48p", "audio-und-0"])
def test_transport_stream_times_run_on_from_segment_to_segment(
    rendition: str, made: dict[str, tuple[Plan, Path]]
) -> None:
    _, folder = made["ts"]
    pts, dts = [], []
    for file in sorted((folder / rendition).iterdir()):
        with av.open(str(file)) as container:
            for packet in container.demux():
                if packet.size and packet.pts is not None and packet.dts is not None:
                    pts.append(packet.pts)
                    dts.append(packet.dts)
    frame = 3600 if rendition == "48p" else 1920
    assert min(pts) == 900_000
    assert {b - a for a, b in pairwise(sorted(pts))} <= {frame}
    assert {b - a for a, b in pairwise(dts)} <= {frame}


@pytest.mark.parametrize("rendition", ["48p", "audio-und-0"])
def test_transport_streams_start_with_their_tables_and_say_that_counters_restart(
    rendition: str, made: dict[str, tuple[Plan, Path]]
) -> None:
    _, folder = made["ts"]
    for file in (folder / rendition).iterdir():
        data = file.read_bytes()
        packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
        assert {packet[0] for packet in packets} == {0x47}
        pids = [(packet[1] & 0x1F) << 8 | packet[2] for packet in packets]
        pat = pids.index(0)
        first = next(n for n, pid in enumerate(pids) if pid not in (0, 17, 0x1000))
        assert pat < pids.index(0x1000) < first
        adaptation, flags = packets[first][3] & 0x20, packets[first][5]
        assert adaptation
        assert flags & 0x80  # discontinuity_indicator
        assert flags & 0x40  # random_access_indicator


def header(**changes: object) -> TrackHeader:
    values: dict[str, object] = {
        "codec": "mp4a.40.2",
        "parameters": "",
        "init": b"",
        "lead": 1024,
        "timescale": 48_000,
        "channels": 2,
        **changes,
    }
    return TrackHeader(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("packager", [CmafPackager, TsPackager])
def test_a_file_is_whole_when_it_is_told(packager: type[CmafPackager | TsPackager], tmp_path: Path) -> None:
    told: list[SegmentResult] = []

    def on_file(file: SegmentResult) -> None:
        assert (tmp_path / "sound" / file.file).stat().st_size == file.size
        told.append(file)

    writer = packager(tmp_path / "sound", on_file)
    frames = [CodedFrame(b"x" * 50, at, at, 1024, True) for at in (0, 1024, 2048)]
    writer.write(header(), SegmentPlan(3, 0, 3072), frames)
    assert [file.file for file in told] == [f"00003.{packager.extension}"]
    assert told == writer.segments
    assert writer.init is None  # the task with segment 0 writes it


def test_the_priming_of_sound_is_left_out_of_a_transport_stream(tmp_path: Path) -> None:
    writer = TsPackager(tmp_path, lambda file: None)
    frames = [CodedFrame(bytes([n]) * 50, at, at, 1024, True) for n, at in enumerate((0, 1024, 2048))]
    writer.write(header(), SegmentPlan(0, 0, 2048), frames)
    with av.open(str(tmp_path / "00000.ts")) as container:
        first = next(packet for packet in container.demux() if packet.size)
    assert (bytes(first)[7:8], first.pts) == (b"\x01", 900_000)
