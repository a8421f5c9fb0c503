"""What runs in child processes: decoding, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.error
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from encoders.bombs import STREAM_OPTIONS
from encoders.media import only, open_media, packets

Emit = Callable[[str, Any], None]

#: Samples a second of the sound that is compared, and how much of it is, in seconds.
SOUND_RATE = 8000
SOUND_SECONDS = 60

#: Samples that a clock may be off before that is taken for a gap: 20 ms.
_JITTER = SOUND_RATE // 50


def decode_pictures(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Decode single pictures. The request lists [coding, extradata in hex, bytes], and the source holds them.

    The result lists [width, height, problem] of each.
    """
    av.logging.set_level(None)
    answer = []
    for coding, extradata, size in json.loads(request):
        answer.append(_decode_picture(coding, bytes.fromhex(extradata), _exactly(source, size)))
    return json.dumps(answer).encode()


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _decode_picture(coding: str, extradata: bytes, data: bytes) -> tuple[int, int, str]:
    context = av.CodecContext.create(coding, "r")
    assert isinstance(context, VideoCodecContext)
    if extradata:
        context.extradata = extradata
    context.thread_count = 1
    # Otherwise the decoder paints over what is damaged and says nothing.
    context.options = {"err_detect": "explode", **STREAM_OPTIONS}
    try:
        frames = [*context.decode(Packet(data)), *context.decode(None)]
    except (av.error.FFmpegError, ValueError) as error:
        return 0, 0, str(getattr(error, "strerror", error) or error)
    if not frames:
        return 0, 0, "it gives no picture"
    return frames[0].width, frames[0].height, "it is damaged" if frames[0].is_corrupt else ""


def decode_whole(request: bytes, source: BinaryIO, scratch: Path, emit: Emit) -> bytes:
    """Decode picture and sound of a file; the request is [name, picture, number of the sound's stream]."""
    av.logging.set_level(None)
    name, picture, sound_stream = json.loads(request)
    frames = damaged = 0
    shown: list[Fraction] = []
    sound = _Sound()
    with open_media(source, name) as container:
        video = container.streams.video[0] if picture and container.streams.video else None
        audio = None
        if sound_stream is not None and container.streams.audio:
            tracks = container.streams.audio
            audio = next((track for track in tracks if track.index == sound_stream), tracks[0])
        wanted = [stream for stream in (video, audio) if stream is not None]
        only(container, wanted)
        if video is not None:
            video.codec_context.thread_count = 1
        for packet in packets(container, wanted):
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in decoded:
                if isinstance(frame, VideoFrame):
                    frames += 1
                    damaged += frame.is_corrupt
                    if frame.pts is not None and frame.time_base is not None:
                        shown.append(frame.pts * frame.time_base)
                elif isinstance(frame, AudioFrame):
                    sound.take(frame)
    return json.dumps(
        {
            "frames": frames,
            "damaged": damaged,
            "picture_start": str(min(shown)) if shown else None,
            "sound_start": str(sound.start) if sound.start is not None else None,
            "sound_end": str(sound.end) if sound.end is not None else None,
            "sound": base64.b64encode(sound.samples()).decode(),
        }
    ).encode()


class _Sound:
    """The beginning of a track's sound, as mono samples, and when all of it starts and ends."""

    def __init__(self) -> None:
        self.start: Fraction | None = None
        self.end: Fraction | None = None
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)
        self._samples = np.zeros(SOUND_RATE * SOUND_SECONDS, np.int16)
        self._at = 0
        self._filled = 0

    def take(self, frame: AudioFrame) -> None:
        if frame.pts is None or frame.time_base is None:
            return
        at = frame.pts * frame.time_base
        self.start = at if self.start is None else self.start
        self.end = at + Fraction(frame.samples, frame.sample_rate)
        if self._at >= len(self._samples):
            return
        # Gaps are silence and overlaps are cut, or everything behind them would lie elsewhere.
        expected = round((at - self.start) * SOUND_RATE)
        if abs(expected - self._at) > _JITTER:
            self._at = min(max(0, expected), len(self._samples))
        for out in self._resampler.resample(frame):
            data = out.to_ndarray().astype(np.int16).reshape(-1)[: len(self._samples) - self._at]
            self._samples[self._at : self._at + len(data)] = data
            self._at += len(data)
            self._filled = max(self._filled, self._at)

    def samples(self) -> bytes:
        return self._samples[: self._filled].tobytes()
