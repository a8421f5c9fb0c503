"""Sound: one track of a source, decoded, put on the timeline, and turned into the samples of a rendition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from encoders.clock import on_one_clock
from encoders.decode import DecodeCounts, decode
from encoders.limiter import Limiter
from encoders.media import only, packets
from encoders.pcm import Converter, Samples, Shape, Unpacker, mixes_down
from encoders.placing import SHORTEST_STRETCHED, Placed, Placer
from encoders.stretch import stretched
from gopfarm.errors import EncodeError
from gopfarm.plan import AudioTask
from gopfarm.timeline import round_half_up

#: Samples of silence that are made at a time.
_SILENCE_BLOCK = 16_384

#: Samples and their shape as the decoder gave them.
_Decoded = tuple[Shape, Samples]


def track_samples(container: InputContainer, task: AudioTask, counts: DecodeCounts) -> Iterator[Samples]:
    """Yield the samples of a task's rendition: exactly those of its segments, in blocks of any length.

    What the source does not cover is silence; what lies before the first segment or after the last is cut.
    Mixes of several channels are kept below full scale, unless loudness is set afterwards, which does that.

    Raises:
        EncodeError: There is no such track any more, or nothing of it could be decoded.
    """
    rendition = task.rendition
    stream = next((stream for stream in container.streams if stream.index == rendition.stream), None)
    if not isinstance(stream, AudioStream):
        raise EncodeError(f"stream {rendition.stream} is not audio any more")
    only(container, [stream])
    coded = on_one_clock(packets(container, [stream]), task.clock)
    placed = _placed(decode(coded, AudioFrame, counts), task.origin)
    pieces = _converted(placed, rendition.channels, rendition.sample_rate, rendition.loudness is None)
    start = task.segments[0].start
    length = task.segments[-1].end - start
    yield from _fitted(pieces, start, length, rendition.channels)
    if counts.frames == 0:
        raise EncodeError(f"no sound could be decoded from stream {rendition.stream}")


def _placed(frames: Iterable[AudioFrame], origin: Fraction) -> Iterator[Placed[_Decoded]]:
    """Give frames their places on the published timeline: ``origin`` on the source's clock is its 0."""
    placer: Placer[_Decoded] = Placer()
    shape: Shape | None = None
    for frame in frames:
        if not frame.samples:
            continue
        at = None
        if frame.pts is not None and frame.time_base is not None:
            at = frame.pts * frame.time_base - origin
        if shape != (found := Shape.of(frame)):
            shape, unpacker = found, Unpacker(found)
        samples = unpacker.samples(frame)
        yield from placer.push((shape, samples), len(samples), shape.rate, at)
    yield from placer.finish()


def _converted(
    blocks: Iterable[Placed[_Decoded]], channels: int, rate: int, limited: bool
) -> Iterator[tuple[int | None, Samples]]:
    """Yield pieces of the rendition's samples; the first of each run of equal shape with its place.

    A track that changes its shape goes on without a gap, in a run of its own.
    """
    shape: Shape | None = None
    run: _Run | None = None
    for block in blocks:
        found, samples = block.content
        samples = samples[block.cut :]
        if block.extra and len(samples) >= SHORTEST_STRETCHED:
            samples = stretched(samples, block.extra)
        if run is None or found != shape:
            if run is not None:
                yield from ((None, piece) for piece in run.finish())
            shape, run = found, _Run(found, channels, rate, limited)
            # What a run begins with settles what comes before it: silence is not needed.
            yield round_half_up(block.begin * rate), np.zeros((0, channels), np.float32)
        else:
            for silence in _silence(block.silence, found.channels):
                yield from ((None, piece) for piece in run.convert(silence))
        yield from ((None, piece) for piece in run.convert(samples))
    if run is not None:
        yield from ((None, piece) for piece in run.finish())


class _Run:
    """A stretch of sound of one shape, on its way to the rendition's channels and rate."""

    def __init__(self, shape: Shape, channels: int, rate: int, limited: bool) -> None:
        self._converter = Converter(shape, channels, rate)
        self._limiter = Limiter(rate, channels) if limited and mixes_down(shape, channels) else None

    def convert(self, samples: Samples) -> Iterator[Samples]:
        for piece in self._converter.convert(samples):
            yield piece if self._limiter is None else self._limiter.push(piece)

    def finish(self) -> Iterator[Samples]:
        for piece in self._converter.finish():
            yield piece if self._limiter is None else self._limiter.push(piece)
        if self._limiter is not None:
            yield self._limiter.finish()


def _fitted(
    pieces: Iterable[tuple[int | None, Samples]], start: int, length: int, channels: int
) -> Iterator[Samples]:
    """Cut and fill pieces so that they are the ``length`` samples from sample ``start`` on."""
    done = too_early = 0
    for place, piece in pieces:
        if place is not None:
            wanted = place - start
            too_early = max(0, done - wanted)
            for silence in _silence(min(wanted, length) - done, channels):
                yield silence
                done += len(silence)
        skipped = min(too_early, len(piece))
        too_early -= skipped
        kept = piece[skipped : skipped + length - done]
        if len(kept):
            yield kept
            done += len(kept)
        if done == length:
            return
    yield from _silence(length - done, channels)


def _silence(samples: int, channels: int) -> Iterator[Samples]:
    for at in range(0, samples, _SILENCE_BLOCK):
        yield np.zeros((min(_SILENCE_BLOCK, samples - at), channels), np.float32)
