"""What this machine can encode, found out by encoding."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import av.error
import av.logging

from encoders.codecs import CODECS, VideoCodec
from encoders.video import open_encoder
from gopfarm.plan import VideoRendition

#: Large enough for every hardware encoder (NVENC refuses less than 145 x 49).
_TRIAL = VideoRendition(
    name="trial",
    directory="",
    width=320,
    height=192,
    encoder="",
    preset="ultrafast",
    bitrate=500_000,
    maxrate=500_000,
    bufsize=1_000_000,
)
_TRIAL_FRAMES = 4
_TRIAL_RATE = Fraction(25)


def available_encoders() -> tuple[str, ...]:
    """Return the names of the video encoders that really work here, by encoding a few frames with each."""
    return tuple(name for name, codec in CODECS.items() if encodes(codec))


def encodes(codec: VideoCodec) -> bool:
    """Tell whether an encoder opens and gives packets on this machine."""
    try:
        encoder = open_encoder(replace(_TRIAL, encoder=codec.name), _TRIAL_RATE)
        packets = 0
        for slot in range(_TRIAL_FRAMES):
            frame = av.VideoFrame(_TRIAL.width, _TRIAL.height, "yuv420p")
            frame.pts, frame.time_base = slot, 1 / _TRIAL_RATE
            packets += len(encoder.stream.encode(frame))
        packets += len(encoder.stream.encode(None))
    except (av.error.FFmpegError, PermissionError, OSError, ValueError):
        # Without a GPU or its driver, opening NVENC raises PermissionError or an external-library error.
        return False
    return packets == _TRIAL_FRAMES
