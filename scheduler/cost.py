"""What work will cost, before it is done: a linear model fitted to measured tasks. Pure arithmetic.

``bench/fit_cost.py`` measures real tasks and solves for the constants below: CPU seconds on one core of the
reference machine. Another machine is faster or slower by about one factor, and so is another film.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gopfarm.facts import SourceFacts, VideoFacts
from gopfarm.plan import AudioRendition, AudioTask, Plan, SubtitleTask, Task, VideoRendition, VideoTask
from gopfarm.profile import X264_PRESETS
from scheduler.normalise import assumed_colour, target_colour

#: Amounts of work by its kind: the keys of ``SECONDS``.
Features = dict[str, float]

#: CPU seconds for a million pixels encoded by x264 with one thread, by preset.
_ENCODE_SECONDS = (0.0042, 0.0105, 0.0175, 0.028, 0.0363, 0.0415, 0.0621, 0.0968, 0.139)

#: To begin an encode costs as much as so many pictures: opening the encoder, and first pictures that get more
#: bits than others.
FIRST_FRAMES = 3

#: CPU seconds for each amount of work. Sources in other codecs are decoded like H.264, as far as this goes.
SECONDS: Features = {
    "start": 0.19,  # a task: opening the source and the encoders, writing the segments
    "decode": 0.002,  # a million pixels of the source
    "scale": 0.00073,  # a million pixels read or written on the way through the sizes
    "convert": 0.0021,  # a million pixels of another depth or range (bench/pictures.py)
    "tone-map": 0.0107,  # a million HDR pixels (bench/pictures.py)
    "deinterlace": 0.0012,  # a million pixels of fields (bench/pictures.py)
    **{f"encode {preset}": seconds for preset, seconds in zip(X264_PRESETS, _ENCODE_SECONDS, strict=True)},
}

#: CPU seconds per second of sound.
_AUDIO_SECONDS = 0.008

#: CPU seconds per second of a subtitle track, and bytes of its cues.
_SUBTITLE_SECONDS = 0.0002
_SUBTITLE_BYTES = 20

#: A task that takes so many times what is expected of it, and so many seconds more, hangs. The machine may be
#: slow and busy, and the source far away: it may also come in at as few bytes a second as this.
_PATIENCE = 40.0
_GRACE_SECONDS = 120.0
_SLOWEST_READ = 500_000

_MILLION = 1e6


@dataclass(frozen=True)
class Cost:
    """An estimate: CPU seconds of all tasks, and bytes stored at the planned average rates."""

    cpu_seconds: float
    stored_bytes: int


@dataclass(frozen=True)
class Pace:
    """What tasks of one group of renditions cost: seconds to begin, for each frame decoded, for each kept."""

    start: float
    decoded: float
    kept: float

    def seconds(self, frames: int, decoded: int) -> float:
        """Return the CPU seconds of a task that decodes ``decoded`` frames and keeps ``frames`` of them."""
        return self.start + decoded * self.decoded + frames * self.kept


def estimate(plan: Plan) -> Cost:
    """Estimate what a plan costs on one CPU core of the reference machine. NVENC tasks count their decode."""
    facts = plan.facts
    durations = {track.stream: track.duration for track in facts.audio}
    heard = [(rendition, float(durations[rendition.stream])) for rendition in plan.audio]
    spoken = sum(
        float(task.duration) * len(task.renditions) for task in plan.tasks if isinstance(task, SubtitleTask)
    )
    cpu = sum(expected_seconds(task, facts) for task in plan.tasks)
    seconds = plan.grid_frames / plan.grid_rate if plan.video else 0
    stored = sum(rendition.bitrate * seconds for rendition in plan.video)
    heard_bits = sum(rendition.bitrate * seconds for rendition, seconds in heard)
    return Cost(round(cpu, 1), int((stored + heard_bits) / 8 + spoken * _SUBTITLE_BYTES))


def limit_seconds(task: Task, facts: SourceFacts) -> float:
    """Return the seconds after which a task is taken for hanging, in proportion to its work."""
    reading = facts.source.size / _SLOWEST_READ
    return round(_GRACE_SECONDS + _PATIENCE * expected_seconds(task, facts) + reading, 1)


def expected_seconds(task: Task, facts: SourceFacts) -> float:
    """Return the CPU seconds, nearly those that its slot is busy, that a task is expected to take."""
    if isinstance(task, VideoTask):
        return seconds_of(features_of(task, facts))
    if isinstance(task, AudioTask):
        durations = {track.stream: track.duration for track in facts.audio}
        return sound_seconds(task.rendition, float(durations[task.rendition.stream]))
    spoken = float(task.duration) * len(task.renditions)
    return SECONDS["start"] + spoken * _SUBTITLE_SECONDS


def sound_seconds(rendition: AudioRendition, seconds: float) -> float:
    """Return the CPU seconds of a track that plays for so many seconds."""
    passes = 1 if rendition.loudness is None else 2
    return SECONDS["start"] + seconds * _AUDIO_SECONDS * passes


def pace_of(
    video: VideoFacts, renditions: Sequence[VideoRendition], sizes: Collection[tuple[int, int]]
) -> Pace:
    """Return the pace of tasks that make some renditions out of all those of the given sizes."""
    start, with_decode, with_frame = (
        seconds_of(video_features(video, renditions, sizes, frames, decoded))
        for frames, decoded in ((0, 0), (0, 1), (1, 0))
    )
    return Pace(start, with_decode - start, with_frame - start)


def seconds_of(features: Features) -> float:
    """Return the CPU seconds of some work."""
    return sum(SECONDS[name] * amount for name, amount in features.items())


def features_of(task: VideoTask, facts: SourceFacts) -> Features:
    """Return how much of what work a video task is."""
    assert facts.video is not None
    frames = task.end - task.start
    decoded = frames + max(0, task.start - task.seek.slot)
    return video_features(facts.video, task.renditions, task.sizes, frames, decoded)


def video_features(
    video: VideoFacts,
    renditions: Sequence[VideoRendition],
    sizes: Collection[tuple[int, int]],
    frames: int,
    decoded: int,
) -> Features:
    """Return how much work it is to decode some frames of the grid, and to keep and encode some of them."""
    source = video.width * video.height / _MILLION
    pictures = decoded * video.frame_count / max(1, video.grid_frames)  # a grid may have fewer or more
    features = {
        "start": 1.0,
        "decode": pictures * source,
        "scale": frames * _scaled_pixels(video, renditions, sizes),
    }
    if video.scan != "progressive":
        features["deinterlace"] = pictures * source
    colour = assumed_colour(video)
    if target_colour(colour).transfer != colour.transfer:
        features["tone-map"] = frames * source
    elif video.pixel_format != "yuv420p" or colour.full_range:
        features["convert"] = frames * source
    for rendition in renditions:
        if rendition.encoder == "libx264":
            name, pixels = f"encode {rendition.preset}", rendition.width * rendition.height / _MILLION
            features[name] = features.get(name, 0.0) + (frames + FIRST_FRAMES) * pixels
    return features


def _scaled_pixels(
    video: VideoFacts, renditions: Sequence[VideoRendition], sizes: Collection[tuple[int, int]]
) -> float:
    """Return the million pixels read and written for each picture, from size to size down to the smallest."""
    wanted = {(rendition.width, rendition.height) for rendition in renditions}
    smallest = min(width * height for width, height in wanted)
    chain = [width * height for width, height in {*wanted, *sizes} if width * height >= smallest]
    steps = pairwise([video.width * video.height, *sorted(chain, reverse=True)])
    return sum(larger + smaller for larger, smaller in steps if larger != smaller) / _MILLION
