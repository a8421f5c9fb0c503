"""Rules about what the multivariant playlist states of renditions: is it what the bitstreams say?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from verifier import rulebook
from verifier.media.model import Captions, TrackConfig
from verifier.rules.segments import fastest_rate, frame_rate
from verifier.stream import Rendition, Stream, VariantStream

#: FRAME-RATE is rounded to three decimals; rates this close are the same.
_RATE_TOLERANCE = Fraction(5, 1000)

#: Names that sound may carry though its configuration says AAC-LC: HE-AAC may signal itself implicitly.
_IMPLICIT_AAC = ("mp4a.40.5", "mp4a.40.29")

#: VIDEO-RANGE by transfer characteristics of ITU-T H.273; anything else is SDR.
_RANGES = {16: "PQ", 18: "HLG"}

_LEGACY_AVC = re.compile(r"(avc[13])\.(\d+)\.(\d+)")
_LEGACY_PROFILES = {66: "42", 77: "4d", 100: "64"}

_TEXT_CODECS = ("wvtt", "stpp")


def judge_declared(stream: Stream) -> None:
    """Report what is not as the multivariant playlist says."""
    for one in (*stream.variants, *stream.iframes):
        if one.variant is None:
            continue
        members = [member.rendition for kind in ("AUDIO", "VIDEO") for member in stream.group(kind, one)]
        _judge_codecs(stream, one, [one.rendition, *members])
        _judge_picture(stream, one)
    _judge_captions(stream)
    _judge_ranges(stream)
    for member in stream.members:
        _judge_channels(stream, member.tag.at, member.tag.attributes.get("CHANNELS"), member.rendition)


def _judge_codecs(stream: Stream, one: VariantStream, renditions: list[Rendition]) -> None:
    assert one.variant is not None
    stated = list(one.variant.codecs)
    if not stated or not all(rendition.looked_into for rendition in renditions):
        return
    configs: dict[str, TrackConfig] = {}
    for rendition in renditions:
        for measured in rendition.segments:
            for part in measured.media.parts if measured.media else ():
                if part.config.kind in ("video", "audio") and part.config.codec:
                    configs.setdefault(part.config.codec, part.config)
    if not configs:
        return
    known = {normal(codec): codec for codec in stated}
    used = set()
    for codec, config in configs.items():
        found, excess = _match(codec, config, known)
        if found is None:
            stream.scope.add(
                rulebook.CODECS_TRUE,
                f'CODECS "{",".join(stated)}" lacks {codec} of {one.rendition.name}',
                one.at,
            )
            continue
        used.add(found)
        if excess:
            stream.scope.add(rulebook.CODECS_MORE, f"{known[found]} is said where {codec} would do", one.at)
    for codec in known:
        if codec not in used and not codec.startswith(_TEXT_CODECS):
            stream.scope.add(
                rulebook.CODECS_MORE, f"CODECS names {known[codec]}, and nothing is coded so", one.at
            )


def normal(codec: str) -> str:
    """Return a codec's name in one spelling: small hexadecimal, and ``avc1.66.30`` as ``avc1.42001e``."""
    if legacy := _LEGACY_AVC.fullmatch(codec):
        profile = _LEGACY_PROFILES.get(int(legacy[2]), f"{int(legacy[2]):02x}")
        return f"{legacy[1]}.{profile}00{int(legacy[3]):02x}"
    return codec.lower()


def _match(codec: str, config: TrackConfig, stated: Iterable[str]) -> tuple[str | None, bool]:
    """Find the stated name that covers a codec; tell whether it asks for more than needed."""
    name = normal(codec)
    for other in stated:
        if other == name or (
            config.coding == "hevc" and name == "hvc1" and other.startswith(("hvc1", "hev1"))
        ):
            return other, False
        if codec == "mp4a.40.2" and other in _IMPLICIT_AAC:
            return other, False
        if config.coding in ("av1", "vp9") and other.startswith(name[:10]):
            return other, False
    if config.coding == "h264":
        for other in stated:
            if other[:7] == name[:7] and len(other) == 11 and _hexadecimal(other[9:]) > config.level:
                return other, True
            if other[:7] == name[:7] and other[9:] == name[9:]:
                return other, True  # the constraint flags differ only
    return None, False


def _hexadecimal(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9a-f]+", text) else -1


def _judge_picture(stream: Stream, one: VariantStream) -> None:
    assert one.variant is not None
    part = one.rendition.first("video")
    if part is None:
        return
    config, stated = part.config, one.variant.resolution
    shown = (round(config.width * config.aspect), config.height)
    if stated is not None and config.width and stated not in ((config.width, config.height), shown):
        stream.scope.add(
            rulebook.RESOLUTION_TRUE,
            f"RESOLUTION={stated[0]}x{stated[1]}, the pictures of {one.rendition.name} are "
            f"{config.width}x{config.height}",
            one.at,
        )
    rate = one.variant.attributes.number("FRAME-RATE")
    usual, fastest = frame_rate(one.rendition), fastest_rate(one.rendition)
    if rate is None or usual is None or one.variant.iframes:
        return
    low, high = usual * (1 - _RATE_TOLERANCE), max(usual, fastest or usual) * (1 + _RATE_TOLERANCE)
    if not low <= Fraction(rate) <= high:
        stream.scope.add(
            rulebook.FRAME_RATE_TRUE,
            f"FRAME-RATE={rate:.3f}, {one.rendition.name} has {float(usual):.3f} frames a second",
            one.at,
        )


def _judge_captions(stream: Stream) -> None:
    for one in stream.pictures():
        parts = one.rendition.parts("video")
        if one.variant is None:
            continue
        found, segment = max(((part.captions, seg) for seg, part in parts), key=lambda pair: pair[0])
        attributes = one.variant.attributes
        stated = attributes.get("CLOSED-CAPTIONS")
        if found is Captions.TEXT and stated == "NONE" and "CLOSED-CAPTIONS" not in attributes.quoted:
            one.rendition.scope.add(
                rulebook.CAPTIONS_NONE,
                "there are captions, the variant says CLOSED-CAPTIONS=NONE",
                segment.at,
            )
        elif found is Captions.TEXT and stated is None:
            one.rendition.scope.add(
                rulebook.CAPTIONS_DECLARED,
                "there are captions, and the variant does not declare them",
                segment.at,
            )
        elif found is Captions.NONE and stated is not None and "CLOSED-CAPTIONS" in attributes.quoted:
            one.rendition.scope.add(rulebook.CAPTIONS_THERE, "captions are declared, and there are none")


def _judge_ranges(stream: Stream) -> None:
    for one in (*stream.variants, *stream.iframes):
        part = one.rendition.first("video")
        if one.variant is None or part is None:
            continue
        actual = _RANGES.get(part.config.transfer, "SDR")
        stated = one.variant.attributes.get("VIDEO-RANGE")
        # Where an HEVC or AV1 file says nothing, its bitstream still may.
        known = part.config.coding == "h264" or part.config.transfer != 2
        if stated is None and actual != "SDR":
            stream.scope.add(
                rulebook.RANGE_NEEDED, f"{one.rendition.name} is {actual}, and VIDEO-RANGE is missing", one.at
            )
        elif stated is not None and known and stated != actual:
            stream.scope.add(
                rulebook.RANGE_TRUE, f"VIDEO-RANGE={stated}, {one.rendition.name} is {actual}", one.at
            )


def _judge_channels(stream: Stream, at: str, stated: str | None, rendition: Rendition) -> None:
    part = rendition.first("audio")
    count = (stated or "").partition("/")[0]
    if part is None or not part.config.channels or not count.isdecimal():
        return
    if int(count) != part.config.channels:
        stream.scope.add(
            rulebook.CHANNELS_TRUE,
            f'CHANNELS="{stated}", {rendition.name} has {part.config.channels} channels',
            at,
        )
