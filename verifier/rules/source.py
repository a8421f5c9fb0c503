"""Rules about a stream against the source that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from gopfarm.child.parent import ChildDiedError, run_in_child
from gopfarm.errors import SourceError
from gopfarm.facts import AudioFacts, SourceFacts, VideoFacts
from gopfarm.serial import from_json, to_json
from gopfarm.storage import SourceFile, open_source, shown
from verifier import rulebook
from verifier.child import SOUND_RATE
from verifier.decoding import Decoded, decode_whole
from verifier.fetch import Fetcher
from verifier.joined import JoinedRendition
from verifier.rules.segments import frame_rate
from verifier.stream import Rendition, Stream

#: Seconds that sound and picture may have moved against each other, and by which sound may be cut or go on.
_SYNC_TOLERANCE = Fraction(20, 1000)
_CUT_TOLERANCE = Fraction(50, 1000)

#: Seconds of shift that are looked for.
_LARGEST_SHIFT = 3

#: Sounds that are less alike than this (1 is the same) are not taken for the same sound; a mean level
#: below this one, of 32768, is silence.
_ALIKE = 0.3
_SILENCE = 30.0

#: How far off the shape of pictures may be: sizes are even numbers.
_ASPECT_TOLERANCE = 0.02

_PROBE_SECONDS = 600.0

Progress = Callable[[], None]


def judge_source(stream: Stream, fetcher: Fetcher, url: str, progress: Progress) -> SourceFacts:
    """Decode the source and every variant, and report where they differ.

    Raises:
        SourceError, SpecError: The source cannot be used.
        ServiceError: Its server, or that of the stream, cannot be reached.
    """
    with open_source(url) as source:
        facts = _probe(source)
        pictures = [one.rendition for one in stream.pictures()]
        for rendition in pictures:
            if rendition.looked_into and facts.video is not None:
                _judge_picture(rendition, facts.video)
        track = next((one for one in facts.audio if one.default), facts.audio[0] if facts.audio else None)
        sound = stream.sound()
        if facts.video is not None and not pictures:
            stream.scope.add(rulebook.SOURCE_FRAMES, "the source has a picture, the stream has none")
        if track is not None and sound is None:
            stream.scope.add(rulebook.SOURCE_SOUND, "the source has sound, the stream has none")
        original = decode_whole(
            cast(BinaryIO, source),
            source.ref.size,
            shown(url),
            False,
            track.stream if track else None,
            progress,
        )
        for rendition in pictures:
            _judge_decoded(rendition, fetcher, facts.video, progress)
        if track is not None and sound is not None and sound.looked_into:
            heard = _decode(sound, fetcher, False, progress)
            if heard is not None:
                _judge_sound(pictures[0] if pictures else None, sound, heard, original, facts, track)
    return facts


def _probe(source: SourceFile) -> SourceFacts:
    # The children that decode import this package too, and are to start without all of the encoders.
    from encoders.child import PROBE

    name = shown(source.ref.url)
    try:
        answer = run_in_child(
            PROBE, to_json(replace(source.ref, url=name)), source, source.ref.size, _PROBE_SECONDS
        )
    except ChildDiedError:
        raise SourceError(f"{name}: reading it crashes the decoder; the file is damaged") from None
    except TimeoutError:
        raise SourceError(f"{name}: it could not be read in time") from None
    return from_json(SourceFacts, answer)


def _judge_picture(rendition: Rendition, video: VideoFacts) -> None:
    """Compare length, rate, size and shape, as far as packets and headers tell."""
    part, span, rate = rendition.first("video"), rendition.span("video"), frame_rate(rendition)
    if part is None or rate is None:
        return
    if abs(rate / video.grid_rate - 1) > Fraction(1, 200):
        rendition.scope.add(
            rulebook.SOURCE_RATE,
            f"{float(rate):.3f} frames a second, the source's natural rate is {float(video.grid_rate):.3f}",
        )
    expected = video.grid_frames / video.grid_rate
    if (
        span is not None
        and not rendition.playlist.growing
        and abs(span[1] - span[0] - expected) > 1 / min(rate, video.grid_rate)
    ):
        rendition.scope.add(
            rulebook.SOURCE_LENGTH,
            f"the picture lasts {float(span[1] - span[0]):.3f} s, the source's {float(expected):.3f} s",
        )
    config = part.config
    if not config.width or not config.height:
        return
    width, height = video.display_size
    shape = float(config.width * config.aspect / config.height) / (width / height)
    # A small picture's even sizes cannot give every shape.
    if abs(shape - 1) > max(_ASPECT_TOLERANCE, 2 / config.width + 2 / config.height):
        rendition.scope.add(
            rulebook.SOURCE_ASPECT,
            f"the pictures are {config.width}x{config.height}, the source's are shown as {width}x{height}",
        )
    if config.height > height + 1 and config.width > width + 1:
        rendition.scope.add(
            rulebook.SOURCE_SIZE,
            f"the pictures are {config.width}x{config.height}, those of the source only {width}x{height}",
        )


def _decode(rendition: Rendition, fetcher: Fetcher, picture: bool, progress: Progress) -> Decoded | None:
    """Decode a rendition, or return None where it has breaks or missing parts, and is no single file."""
    joined = JoinedRendition.of(rendition, fetcher)
    if joined is None:
        return None
    try:
        return decode_whole(
            cast(BinaryIO, joined), joined.size, rendition.name, picture, None if picture else -1, progress
        )
    except SourceError as error:
        rendition.scope.add(rulebook.SOURCE_DAMAGE, str(error))
        return None


def _judge_decoded(
    rendition: Rendition, fetcher: Fetcher, video: VideoFacts | None, progress: Progress
) -> None:
    decoded = _decode(rendition, fetcher, True, progress)
    if decoded is None:
        return
    if decoded.damaged:
        rendition.scope.add(rulebook.SOURCE_DAMAGE, f"{decoded.damaged} packets do not decode")
    rate = frame_rate(rendition)
    same_rate = video is not None and rate is not None and abs(rate / video.grid_rate - 1) <= Fraction(1, 200)
    whole = not rendition.playlist.growing
    if video is not None and same_rate and whole and decoded.frames != video.grid_frames:
        rendition.scope.add(
            rulebook.SOURCE_FRAMES,
            f"it decodes to {decoded.frames} frames, the source has {video.grid_frames}",
        )


def _judge_sound(
    picture: Rendition | None,
    sound: Rendition,
    heard: Decoded,
    original: Decoded,
    facts: SourceFacts,
    track: AudioFacts,
) -> None:
    """Compare when the sound is heard. Times are taken from the first picture on, in stream and source."""
    span = sound.span("audio")
    if (
        span is None
        or original.sound_start is None
        or original.sound_end is None
        or heard.sound_start is None
    ):
        return
    origin = facts.video.origin if facts.video is not None else track.start
    shown = picture.span("video") if picture is not None else None
    zero = shown[0] if shown is not None else span[0]
    ours, theirs = span[1] - zero, original.sound_end - origin
    if theirs - ours > _CUT_TOLERANCE and not sound.playlist.growing:
        sound.scope.add(
            rulebook.SOURCE_SOUND,
            f"{float(theirs - ours):.3f} s of the source's sound are missing at its end",
        )
    longest = max(theirs, facts.video.grid_frames / facts.video.grid_rate) if facts.video else theirs
    if ours - longest > _CUT_TOLERANCE:
        sound.scope.add(
            rulebook.SOURCE_TAIL, f"the sound goes on for {float(ours - longest):.3f} s after the end"
        )
    repaired = track.clock or (facts.video.clock if facts.video is not None else ())
    if repaired or loudness(original.sound) < _SILENCE:
        return  # where the source's clock jumps, its own times do not say where its sound belongs
    if loudness(heard.sound) < _SILENCE / 10:
        sound.scope.add(rulebook.SOURCE_SOUND, "it is silent, and the source is not")
        return
    shift = find_shift(original.sound, heard.sound)
    if shift is None:
        sound.scope.add(rulebook.SOURCE_TAIL, "the sound was not recognised in the source")
        return
    # What a decoder hears first is its clock: priming, which an edit list hides, is gone there.
    here = heard.sound_start - zero + shift
    there = original.sound_start - origin
    if abs(here - there) > _SYNC_TOLERANCE:
        sound.scope.add(
            rulebook.SOURCE_SYNC,
            f"the sound comes {float(here - there) * 1000:+.0f} ms after where the source has it",
        )


def loudness(sound: NDArray[np.float32]) -> float:
    """Return the root mean square of samples, at most 32768."""
    return float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0


def find_shift(source: NDArray[np.float32], stream: NDArray[np.float32]) -> Fraction | None:
    """Return the seconds by which the same sound lies later in ``stream`` than in ``source``.

    Both count ``SOUND_RATE`` samples a second. None: they are not alike.
    """
    energy = float(np.sqrt(np.sum(source**2) * np.sum(stream**2)))
    if energy == 0:
        return None
    size = 1 << int(np.ceil(np.log2(len(source) + len(stream))))
    product = np.fft.rfft(stream, size) * np.conj(np.fft.rfft(source, size))
    alike = np.fft.irfft(product, size)
    reach = min(_LARGEST_SHIFT * SOUND_RATE, size // 2 - 1)
    near = np.concatenate([alike[-reach:], alike[: reach + 1]])
    best = int(np.argmax(np.abs(near)))
    if abs(near[best]) < _ALIKE * energy:
        return None
    return Fraction(best - reach, SOUND_RATE)
