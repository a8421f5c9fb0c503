"""What tasks delivered: plain frozen data that goes through Redis as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

#: The largest luma sample, of 8 bits (ITU-T H.273 counts PSNR from it, whatever the range).
_PEAK = 255

#: What is said of pictures without any error, in dB, as libvmaf says it of 8-bit pictures.
_MOST_PSNR = 60.0


@dataclass(frozen=True)
class SegmentResult:
    """A finished segment. ``length`` is frames for video, samples for audio; ``sha256`` is hexadecimal."""

    number: int
    file: str
    size: int
    sha256: str
    length: int


@dataclass(frozen=True)
class Loudness:
    """How loud a track was (EBU R128), and the gain in dB that it was given to come to ``target``.

    ``target`` and ``integrated`` are LUFS (-70 is silence), ``true_peak`` is dBTP before the gain.
    """

    target: float
    integrated: float
    true_peak: float
    gain: float


@dataclass(frozen=True)
class Distortion:
    """What encoding cost: ``squared_error`` is summed over the luma ``samples`` of the pictures."""

    samples: int
    squared_error: int

    def __add__(self, other: Distortion) -> Distortion:
        return Distortion(self.samples + other.samples, self.squared_error + other.squared_error)

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB, of the mean error of all pictures: no mean of their ratios."""
        if not self.squared_error:
            return _MOST_PSNR
        return min(_MOST_PSNR, 10 * math.log10(_PEAK**2 * self.samples / self.squared_error))


@dataclass(frozen=True)
class RenditionResult:
    """What one task made of one rendition.

    ``codec`` is the RFC 6381 string read from the bitstream; ``parameters`` is a SHA-256 over the decoder
    configuration (CMAF init segment, or SPS and PPS), equal in every chunk of a rendition; ``init`` is the
    init segment's own result where this task made it (the task with the first segment, CMAF only).
    ``whole`` is the one file that holds all of a subtitle rendition besides its segments. ``loudness`` is
    that of an audio rendition whose loudness was set, ``distortion`` that of video whose encoder tells it.
    ``encode_seconds`` is what encoding and packaging of
    video took, without the decoding and scaling that renditions share: no two attempts agree on it.
    """

    rendition: str
    codec: str
    parameters: str
    init: SegmentResult | None
    segments: tuple[SegmentResult, ...]
    whole: SegmentResult | None = None
    loudness: Loudness | None = None
    distortion: Distortion | None = None
    encode_seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class TaskResult:
    """The outcome of a task, with its cost. Times are seconds, memory is bytes.

    ``source_bytes_read`` came over a network for it: not from a local file, nor what the worker had already.
    ``frames_damaged`` counts packets that gave no picture or sound, ``frames_concealed`` pictures of which
    the decoder had to make up a part. Of ``wall_seconds``, ``decode_seconds`` were spent on having pictures
    in all sizes, or sound, to encode.
    """

    task: str
    renditions: tuple[RenditionResult, ...]
    frames_decoded: int
    frames_damaged: int
    wall_seconds: float
    cpu_seconds: float
    peak_memory: int
    frames_concealed: int = 0
    source_bytes_read: int = 0
    decode_seconds: float = 0.0


#: The folder, below the destination, of the results of all plans.
RESULTS_FOLDER = "tasks"


def result_folder(plan_hash: str) -> str:
    """Return the folder, below the destination, of the results of a plan's tasks."""
    return f"{RESULTS_FOLDER}/{plan_hash}"


def result_key(plan_hash: str, task_id: str) -> str:
    """Return where a task leaves its result at the destination, for a job that is sent through again."""
    return f"{result_folder(plan_hash)}/{task_id}.json"
