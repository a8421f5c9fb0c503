"""What a source is, in words: everything that probing found and a plan depends on."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output import byte_size, clock, one_line
from gopfarm.facts import AudioFacts, Colour, Crop, SourceFacts, SubtitleFacts, VideoFacts
from gopfarm.storage import shown
from scheduler.normalise import assumed_colour, target_colour

#: Names of the code points of ITU-T H.273 that are met in films.
_PRIMARIES = {1: "BT.709", 5: "BT.601 (PAL)", 6: "BT.601 (NTSC)", 7: "SMPTE 240M", 9: "BT.2020", 12: "P3"}
_TRANSFERS = {
    1: "BT.709",
    4: "gamma 2.2",
    5: "gamma 2.8",
    6: "BT.601",
    7: "SMPTE 240M",
    8: "linear",
    13: "sRGB",
    14: "BT.2020",
    15: "BT.2020",
    16: "PQ",
    18: "HLG",
}
_MATRICES = {
    0: "RGB",
    1: "BT.709",
    4: "FCC",
    5: "BT.601",
    6: "BT.601",
    7: "SMPTE 240M",
    8: "YCgCo",
    9: "BT.2020",
    10: "BT.2020 CL",
    14: "ICtCp",
}

_SCANS = {
    "top": "interlaced, top field first: deinterlaced",
    "bottom": "interlaced, bottom field first: deinterlaced",
    "mixed": "partly interlaced: those frames are deinterlaced",
}


def describe(facts: SourceFacts) -> Iterator[str]:
    """Yield the lines that ``gopfarm probe`` prints."""
    size = byte_size(facts.source.size)
    yield f"{one_line(shown(facts.source.url))}: {facts.container}, {clock(float(facts.duration))}, {size}"
    if facts.video is not None:
        yield from _named("video", _video(facts.video))
    origin = facts.video.origin if facts.video is not None else None
    for track in facts.audio:
        offset = float(track.start - (track.start if origin is None else origin))
        yield from _named("audio", _audio(track, offset))
    for left_out in facts.ignored:
        yield from _named("audio", [f"{left_out.codec}, left out: {left_out.reason}"])
    for words in facts.subtitles:
        yield from _named("subtitles", [_subtitles(words)])


def _named(kind: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {'' if number else kind:<10} {line}"


def _video(video: VideoFacts) -> list[str]:
    rate = "constant" if video.constant_rate else "variable"
    lines = [
        f"{video.codec}, {_shape(video)}, {video.pixel_format}",
        f"{video.frame_count} frames, {rate} rate, {float(video.frame_rate):.3f} frames/s "
        f"({video.frame_rate}), {len(video.keyframes)} seek points",
    ]
    if (video.grid_rate, video.grid_frames) != (video.frame_rate, video.frame_count):
        lines.append(f"becomes {video.grid_frames} frames at {float(video.grid_rate):.3f} frames/s")
    lines.append(_colours(video))
    if video.scan != "progressive":
        lines.append(_SCANS[video.scan])
    if video.order:
        lines.append("its container does not say when frames are shown: the order of decoding says it")
    if video.clock:
        lines.append(f"its clock jumps {len(video.clock)} times, and is taken to go on")
    if video.captions:
        lines.append(f"closed captions inside: {', '.join(video.captions)}")
    return lines


def _shape(video: VideoFacts) -> str:
    width, height = video.display_size
    changes = []
    if video.crop != Crop():
        changes.append("cropped")
    if video.sample_aspect_ratio != 1:
        aspect = video.sample_aspect_ratio
        changes.append(f"samples of {aspect.numerator}:{aspect.denominator}")
    if video.mirrored:
        changes.append("mirrored")
    if video.rotation:
        changes.append(f"turned by {video.rotation} degrees")
    shape = f"{video.width}x{video.height}"
    return f"{shape} shown as {width}x{height} ({', '.join(changes)})" if changes else shape


def _colours(video: VideoFacts) -> str:
    assumed = assumed_colour(video)
    target = target_colour(assumed)
    said = f"colours: {_colour(assumed)}"
    if (video.colour.primaries, video.colour.transfer, video.colour.matrix) == (2, 2, 2):
        said += " (assumed: the source does not say)"
    if assumed.transfer in (16, 18):
        peak = f", peak {assumed.peak} cd/m2" if assumed.peak else ""
        return f"{said}, HDR{peak}: tone-mapped to {_colour(target)}"
    if (assumed.matrix, assumed.full_range) != (target.matrix, target.full_range):
        said += f", becomes {_colour(target)}"
    return said


def _colour(colour: Colour) -> str:
    primaries = _PRIMARIES.get(colour.primaries, f"primaries {colour.primaries}")
    transfer = _TRANSFERS.get(colour.transfer, f"transfer {colour.transfer}")
    matrix = _MATRICES.get(colour.matrix, f"matrix {colour.matrix}")
    levels = "full" if colour.full_range else "limited"
    return f"{primaries} primaries, {transfer} transfer, {matrix} matrix, {levels} range"


def _audio(track: AudioFacts, offset: float) -> list[str]:
    title = f" {one_line(track.title)!r}" if track.title else ""
    default = ", default" if track.default else ""
    lines = [
        f"{track.codec}, {track.layout}, {track.sample_rate} Hz, {one_line(track.language)}{title}{default}, "
        f"{clock(float(track.duration))}, starts {1000 * offset:+.0f} ms"
    ]
    if track.clock:
        lines.append(f"its clock jumps {len(track.clock)} times, and is taken to go on")
    return lines


def _subtitles(words: SubtitleFacts) -> str:
    marks = [mark for mark, set_ in (("forced", words.forced), ("default", words.default)) if set_]
    marks += ["for the hard of hearing"] if words.hearing_impaired else []
    marks += [] if words.text else ["left out: cannot become text"]
    title = f" {one_line(words.title)!r}" if words.title else ""
    return ", ".join([words.codec, f"{one_line(words.language)}{title}", *marks])
