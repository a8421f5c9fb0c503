"""Small clips, made once per session by the ffmpeg binary, and short ways to what the farm says of them."""

from __future__ import annotations

import hashlib
import io
import subprocess
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from encoders.decode import DecodeCounts
from encoders.frames import grid_frames
from encoders.media import open_media
from encoders.probe import probe
from encoders.tasks import run_task
from gopfarm.facts import Keyframe, SourceFacts, SourceRef, VideoFacts
from gopfarm.plan import Normaliser, Plan, Task
from gopfarm.profile import AudioSpec, Profile, RenditionSpec, SegmentFormat
from gopfarm.results import TaskResult
from scheduler.normalise import normaliser
from scheduler.planner import make_plan
from scheduler.shape import Shape

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()

PICTURE = "testsrc2=size=160x96:rate={rate}:duration={seconds}"
TONE = "sine=frequency=440:sample_rate=48000:duration=6"


def _h264(*extra: str, rate: str = "25", seconds: float = 6, params: str = "keyint=25") -> list[str]:
    """Arguments for a test picture in H.264 with a B-pyramid; scene cuts give no extra keyframes."""
    return [
        *("-f", "lavfi", "-i", PICTURE.format(rate=rate, seconds=seconds)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-x264-params", f"bframes=3:b-pyramid=normal:scenecut=0:{params}"),
        *extra,
    ]


def _with_tone(*video: str) -> list[str]:
    return ["-f", "lavfi", "-i", TONE, *video, "-c:a", "aac", "-ac", "2"]


#: name: (what ffmpeg is told, with {other.clip} for the path of another clip).
RECIPES: dict[str, list[str]] = {
    "closed.mp4": _with_tone(*_h264("-movflags", "+faststart")),
    "closed.mov": ["-i", "{closed.mp4}", "-c", "copy"],
    "open.mp4": _h264(params="open-gop=1:keyint=20:min-keyint=20"),
    "ntsc.mkv": _h264(rate="30000/1001", seconds=4),
    "offset.ts": ["-i", "{closed.mp4}", "-c", "copy", "-output_ts_offset", "3"],
    "open.ts": ["-i", "{open.mp4}", "-c", "copy", "-output_ts_offset", "3"],
    "fragmented.mp4": ["-i", "{closed.mp4}", "-c", "copy", "-movflags", "cmaf+frag_keyframe"],
    # A stream copy from 1.5 s on starts at the keyframe before and hides what comes before 1.5 s.
    "editlist.mp4": ["-ss", "1.5", "-i", "{closed.mp4}", "-c", "copy"],
    # Every seventh frame is missing, and so is more than half a second around the third one.
    "variable.mp4": _h264(
        *("-vf", "select=not(eq(mod(n\\,7)\\,3))*not(between(n\\,70\\,85))", "-fps_mode", "vfr"),
        *("-enc_time_base", "1/600", "-video_track_timescale", "600"),
    ),
    "hevc.mp4": [
        *("-f", "lavfi", "-i", PICTURE.format(rate=25, seconds=3), "-c:v", "libx265"),
        *("-preset", "ultrafast", "-x265-params", "keyint=20:bframes=3:log-level=error:pools=1"),
    ],
    "vp9.webm": [
        *("-f", "lavfi", "-i", PICTURE.format(rate=25, seconds=3), "-c:v", "libvpx-vp9"),
        *("-deadline", "realtime", "-cpu-used", "8", "-g", "20"),
    ],
    # Formats that say when a picture is decoded and leave it open when it is shown, or the other way round.
    "old.avi": ["-i", "{closed.mp4}", "-an", "-c:v", "mpeg4", "-bf", "2", "-g", "25"],
    "program.mpg": ["-i", "{closed.mp4}", "-an", "-c:v", "mpeg2video", "-bf", "2", "-g", "25", "-b:v", "1M"],
    "flash.flv": ["-i", "{closed.mp4}", "-c", "copy"],
    "large.mp4": _with_tone(
        *_h264("-vf", "noise=alls=60:allf=t,scale=480:288", seconds=6, params="keyint=25:qp=12")
    ),
    "rotated.mp4": ["-display_rotation", "90", "-i", "{closed.mp4}", "-c", "copy"],
    "tilted.mp4": ["-display_rotation", "40", "-i", "{closed.mp4}", "-c", "copy"],
    "full_range.mp4": [
        *("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=1,format=rgb24"),
        *("-vf", "scale=out_range=full,format=yuvj420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4"),
    ],
    "rgb.mp4": [
        *("-f", "lavfi", "-i", PICTURE.format(rate=25, seconds=1), "-c:v", "libx264rgb"),
        *("-preset", "ultrafast", "-qp", "4", "-pix_fmt", "rgb24"),
    ],
    "anamorphic.mp4": _h264("-vf", "setsar=4/3", seconds=1),
    # The container says when pictures are decoded, not when they are shown.
    "unstamped.avi": _h264(),
    # Every picture is a recovery point, none can be decoded alone.
    "refresh.ts": _h264(params="intra-refresh=1:keyint=50", seconds=4),
    "altref.webm": [
        *("-f", "lavfi", "-i", PICTURE.format(rate=25, seconds=4), "-c:v", "libvpx", "-auto-alt-ref", "1"),
        *("-lag-in-frames", "16", "-g", "50", "-b:v", "200k", "-deadline", "realtime"),
    ],
    "interlaced.ts": [
        *("-f", "lavfi", "-i", "mandelbrot=size=320x288:rate=50:end_scale=0.3,trim=duration=4"),
        *("-vf", "tinterlace=interleave_top", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25"),
        *("-pix_fmt", "yuv420p", "-x264-params", "interlaced=1:tff=1"),
    ],
    "closed.mkv": ["-i", "{closed.mp4}", "-c", "copy"],
    "live.mkv": ["-i", "{closed.mp4}", "-c", "copy", "-live", "1"],
    "film.wmv": ["-i", "{closed.mp4}", "-c:v", "wmv2", "-c:a", "wmav2"],
    "film.mxf": ["-i", "{closed.mp4}", "-an", "-c:v", "mpeg2video", "-b:v", "1M"],
    "sound.wav": ["-f", "lavfi", "-i", TONE],
    "resized.ts": ["-i", "concat:{small.ts}|{tall.ts}", "-c", "copy"],
    "small.ts": _h264(seconds=1),
    "tall.ts": _h264("-vf", "scale=96:160", "-output_ts_offset", "1.08", seconds=1),
    # One after the other: a film with sound in its middle alone, where FFmpeg does not look for streams.
    "before.ts": ["-i", "{large.mp4}", "-map", "0:v", "-c", "copy"],
    "middle.ts": ["-i", "{closed.mp4}", "-c", "copy", "-output_ts_offset", "7"],
    "after.ts": ["-i", "{large.mp4}", "-map", "0:v", "-c", "copy", "-output_ts_offset", "14"],
    "subtitles.mp4": ["-f", "srt", "-i", "{text.srt}", "-c:s", "mov_text"],
    "still.mp4": _h264("-frames:v", "1"),
    "sound.m4a": ["-f", "lavfi", "-i", TONE, "-c:a", "aac", "-ac", "2"],
    "titled.mp4": ["-i", "{closed.mp4}", "-c", "copy", "-metadata", "title=Provencal cooking, encva pssh"],
}

#: Clips that are others byte after byte, each with its own clock.
JOINED = {"joined.ts": ("offset.ts", "offset.ts")}

SUBTITLES = "1\n00:00:00,000 --> 00:00:02,000\nhello\n"


class Clips:
    """The clips of a session, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "text.srt").write_text(SUBTITLES)

    def __call__(self, name: str) -> Path:
        """Return the path of a clip of ``RECIPES``."""
        path = self._folder / name
        if name in JOINED:
            path.write_bytes(b"".join(self(part).read_bytes() for part in JOINED[name]))
        elif not path.exists():
            arguments = [self._filled(argument) for argument in RECIPES[name]]
            ffmpeg(*arguments, "-threads", "2", "-fflags", "+bitexact", str(path))
        return path

    def _filled(self, argument: str) -> str:
        for other in ("text.srt", *RECIPES):
            if f"{{{other}}}" in argument:
                argument = argument.replace(f"{{{other}}}", str(self(other)))
        return argument


class CountingFile(io.BytesIO):
    """A file that counts the bytes that are read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        size = super().readinto(buffer)
        self.count += size
        return size


def ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg and return its output; it must have nothing to say."""
    command = [FFMPEG, "-v", "warning", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def complaints(path: Path) -> str:
    """Return what ffmpeg says when it decodes a whole file."""
    command = [FFMPEG, "-v", "warning", "-nostdin", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stderr


def pictures_by_ffmpeg(path: Path, *arguments: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode to 8-bit luma with the ffmpeg binary: an array of (frames, height, width)."""
    raw = ffmpeg(
        *("-i", str(path), *arguments, "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-"),
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0])


def reference(path: Path) -> SourceRef:
    """How the farm names a file."""
    return SourceRef(str(path), path.stat().st_size, "")


def look(path: Path) -> SourceFacts:
    """Probe a file."""
    with path.open("rb") as source:
        return probe(source, reference(path))


def video_of(path: Path) -> VideoFacts:
    """Probe a file's picture."""
    video = look(path).video
    assert video is not None
    return video


def picture_of(video: VideoFacts) -> Normaliser:
    """What tasks are told about the picture."""
    return normaliser(video, Fraction(0))


def frame_hash(frame: VideoFrame) -> str:
    """Hash the pixels and the shape of a frame."""
    shape = f"{frame.width}x{frame.height} {frame.format.name} ".encode()
    return hashlib.sha1(shape + frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest()


def decode_slots(path: Path, video: VideoFacts, seek: Keyframe, start: int, end: int) -> Iterator[str]:
    """Decode the slots of a chunk as a task would, and hash each; slots must come in order."""
    with path.open("rb") as source, open_media(source, path.name) as container:
        frames = grid_frames(container, picture_of(video), seek, start, end, DecodeCounts())
        for expected, (slot, frame) in enumerate(frames, start):
            assert slot == expected
            yield frame_hash(frame)


def keyframe_before(keyframes: Sequence[Keyframe], slot: int) -> Keyframe:
    """The last keyframe at or before a slot, or the first one."""
    return next((key for key in reversed(keyframes) if key.slot <= slot), keyframes[0])


def plain_decode(path: Path) -> list[tuple[Fraction, VideoFrame]]:
    """Decode from start to end with nothing of ours: (seconds, frame) of each shown frame."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        frames = [(f.pts * f.time_base, f) for f in container.decode(stream) if isinstance(f, VideoFrame)]
    return sorted(frames, key=lambda item: item[0])


def decode_order(path: Path) -> list[VideoFrame]:
    """Decode from start to end with nothing of ours, in the order in which the decoder gives frames."""
    with av.open(str(path)) as container:
        return [frame for frame in container.decode(video=0) if isinstance(frame, VideoFrame)]


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal to noise ratio in dB."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def plan_of(
    path: Path,
    *,
    segment_format: SegmentFormat = "cmaf",
    segment_seconds: float = 1,
    heights: Sequence[int] = (96, 48),
    facts: SourceFacts | None = None,
    **sound: Any,
) -> Plan:
    """Plan a clip as the scheduler would, for cheap encoding."""
    rungs = [RenditionSpec(name=f"{height}p", height=height, bitrate=100_000) for height in heights]
    profile = Profile(
        renditions=tuple(rungs),
        audio=AudioSpec(**sound),
        segment_seconds=segment_seconds,
        format=segment_format,
        preset="ultrafast",
    )
    found = facts or look(path)
    shape = Shape(max(Fraction(segment_seconds), found.duration / 4))
    return make_plan(found, profile, "libx264", "test", shape)


def run(task: Task, path: Path, scratch: Path) -> TaskResult:
    """Run a task over a file."""
    with path.open("rb") as source:
        return run_task(task, source, scratch, lambda rendition, file: None, lambda done: None)


def encode(plan: Plan, path: Path, scratch: Path) -> list[TaskResult]:
    """Run all tasks of a plan, the last one first: none may need another."""
    return [run(task, path, scratch) for task in reversed(plan.tasks)][::-1]


def join(scratch: Path, rendition: str) -> Path:
    """Put the files of a rendition behind each other, as a player would."""
    files = sorted((scratch / rendition).iterdir(), key=lambda file: (file.suffix != ".mp4", file.name))
    joined = scratch / f"{rendition}{'.ts' if files[0].suffix == '.ts' else '.mp4'}"
    joined.write_bytes(b"".join(file.read_bytes() for file in files))
    return joined


def sound_of(path: Path) -> tuple[float, NDArray[np.float32]]:
    """Decode the first audio track: the time of its first sample in seconds, and (channels, samples)."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    first = frames[0]
    assert first.pts is not None
    assert first.time_base is not None
    blocks = [frame.to_ndarray() for frame in frames]
    return float(first.pts * first.time_base), np.concatenate(blocks, axis=1).astype(np.float32)
