"""Rules about the variants of a multivariant playlist, as far as their attributes tell."""

from __future__ import annotations

from fractions import Fraction

from verifier import rulebook
from verifier.findings import Scope
from verifier.playlists.model import MultivariantPlaylist, Variant

#: Streams longer than this many seconds are to have a variant that cellular networks can carry, of at most
#: this many bits per second.
CELLULAR_AFTER = 600
CELLULAR_RATE = 192_000

#: Aspect ratios this close are meant to be the same: sizes are even numbers.
_ASPECT_TOLERANCE = Fraction(2, 100)

_VIDEO_CODECS = ("avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "av01", "vp09", "mp4v", "jpeg", "mjpg")

_GROUP_ATTRIBUTES = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")


def has_video(variant: Variant) -> bool:
    """Tell whether a variant says that it has pictures."""
    return variant.resolution is not None or any(codec.startswith(_VIDEO_CODECS) for codec in variant.codecs)


def judge_variants(master: MultivariantPlaylist, scope: Scope) -> None:
    """Report what is wrong with the variants."""
    if not master.variants:
        scope.add(rulebook.VARIANTS, "there is no EXT-X-STREAM-INF")
    for variant in master.variants:
        _judge_one(master, variant, scope)
    _judge_captions(master, scope)
    for variant in master.iframe_variants:
        if variant.attributes.integer("BANDWIDTH") is None or not variant.uri:
            scope.add(rulebook.IFRAME_TAG, "EXT-X-I-FRAME-STREAM-INF lacks BANDWIDTH or URI", variant.at)
        if not variant.codecs:
            scope.add(rulebook.CODECS_NEEDED, "EXT-X-I-FRAME-STREAM-INF has no CODECS", variant.at)
    videos = [variant for variant in master.variants if has_video(variant)]
    if videos and not master.iframe_variants:
        scope.add(rulebook.I_FRAMES, "there is no EXT-X-I-FRAME-STREAM-INF")
    if videos and len({variant.uri for variant in videos}) == 1:
        scope.add(rulebook.MORE_VARIANTS, "there is one bit rate of video only")
    _judge_aspects(videos, scope)


def _judge_one(master: MultivariantPlaylist, variant: Variant, scope: Scope) -> None:
    attributes = variant.attributes
    peak, average = attributes.integer("BANDWIDTH"), attributes.integer("AVERAGE-BANDWIDTH")
    if peak is None:
        scope.add(rulebook.VARIANTS, "EXT-X-STREAM-INF has no BANDWIDTH", variant.at)
    if average is None:
        scope.add(rulebook.AVERAGE_NEEDED, "AVERAGE-BANDWIDTH is missing", variant.at)
    elif peak is not None and average > peak:
        scope.add(rulebook.AVERAGE, f"AVERAGE-BANDWIDTH {average} is above BANDWIDTH {peak}", variant.at)
    if not variant.codecs:
        scope.add(rulebook.CODECS_NEEDED, "CODECS is missing", variant.at)
    if has_video(variant):
        if variant.resolution is None:
            scope.add(rulebook.RESOLUTION_NEEDED, "RESOLUTION is missing", variant.at)
        if attributes.number("FRAME-RATE") is None:
            scope.add(rulebook.FRAME_RATE_NEEDED, "FRAME-RATE is missing", variant.at)
    for kind in _GROUP_ATTRIBUTES:
        name = attributes.get(kind)
        if name is None or (kind == "CLOSED-CAPTIONS" and kind not in attributes.quoted):
            continue
        if not master.group(kind, name):
            scope.add(
                rulebook.GROUPS, f'there is no EXT-X-MEDIA of {kind} with GROUP-ID="{name}"', variant.at
            )


def _judge_captions(master: MultivariantPlaylist, scope: Scope) -> None:
    def says_none(variant: Variant) -> bool:
        attributes = variant.attributes
        return attributes.get("CLOSED-CAPTIONS") == "NONE" and "CLOSED-CAPTIONS" not in attributes.quoted

    none = [variant for variant in master.variants if says_none(variant)]
    if none and len(none) != len(master.variants):
        odd = next(variant for variant in master.variants if not says_none(variant))
        scope.add(rulebook.NO_CAPTIONS, "other variants say CLOSED-CAPTIONS=NONE, this one does not", odd.at)


def _judge_aspects(videos: list[Variant], scope: Scope) -> None:
    sizes = [variant.resolution for variant in videos]
    aspects = [Fraction(*size) for size in sizes if size is not None and all(size)]
    if aspects and max(aspects) > min(aspects) * (1 + _ASPECT_TOLERANCE):
        scope.add(
            rulebook.SAME_ASPECT,
            f"aspect ratios lie between {float(min(aspects)):.3f} and {float(max(aspects)):.3f}",
        )


def judge_cellular(master: MultivariantPlaylist, seconds: float, scope: Scope) -> None:
    """Report a stream of ``seconds`` that no variant carries over a slow network."""
    rates = [variant.attributes.integer("BANDWIDTH") for variant in master.variants]
    known = [rate for rate in rates if rate is not None]
    if seconds > CELLULAR_AFTER and known and min(known) > CELLULAR_RATE:
        scope.add(rulebook.CELLULAR, f"the smallest BANDWIDTH is {min(known)} bit/s")
