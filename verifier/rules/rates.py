"""Rules about bit rates: BANDWIDTH and AVERAGE-BANDWIDTH against what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from verifier import rulebook
from verifier.stream import Rendition, Stream, VariantStream

#: A set of segments counts for the peak when it lasts between these shares of the target duration
#: (RFC 8216 section 4.1).
_SHORTEST, _LONGEST = Fraction(1, 2), Fraction(3, 2)

#: How far off stated rates may be (Apple 1.26, 1.27), and the peak over the average (1.30).
_TOLERANCE = Fraction(1, 10)
_PEAKY = 2

#: An understatement so small is rounding.
_ROUNDING = Fraction(1, 1000)


@dataclass(frozen=True)
class Rates:
    """Measured bits per second: the peak of RFC 8216 section 4.1, and the average."""

    peak: Fraction
    average: Fraction


def measure_rates(rendition: Rendition) -> Rates | None:
    """Measure a rendition by its EXTINF, as RFC 8216 defines bit rates; None if parts are missing."""
    sizes = rendition.sizes
    durations = [measured.segment.duration for measured in rendition.segments]
    if sizes is None or rendition.playlist.target is None or min(durations) <= 0:
        return None
    average = 8 * Fraction(sum(sizes)) / sum(durations, Fraction(0))
    return Rates(_peak(sizes, durations, rendition.playlist.target) or average, average)


def _peak(sizes: Sequence[int], durations: Sequence[Fraction], target: int) -> Fraction | None:
    """Return the largest bit rate of a run of segments that lasts about a target duration."""
    best: Fraction | None = None
    for first in range(len(sizes)):
        size, seconds = 0, Fraction(0)
        for at in range(first, len(sizes)):
            size, seconds = size + sizes[at], seconds + durations[at]
            if seconds > _LONGEST * target:
                break
            if seconds >= _SHORTEST * target and (best is None or 8 * size > best * seconds):
                best = 8 * size / seconds
    return best


def measure_variant(stream: Stream, one: VariantStream) -> Rates | None:
    """Return the rates of a variant with the largest member of its groups (RFC 8216 section 4.3.4.2)."""
    groups = [stream.group(kind, one) for kind in ("AUDIO", "VIDEO", "SUBTITLES")]
    rates = []
    for group in groups:
        members = [measure_rates(member.rendition) for member in group]
        known = [rate for rate in members if rate is not None]
        if len(known) < len(members):
            return None
        if known:
            rates.append(Rates(max(rate.peak for rate in known), max(rate.average for rate in known)))
    # Where the variant's own playlist is a member of a group, it plays only if that member is chosen.
    if not any(member.rendition.name == one.rendition.name for group in groups for member in group):
        own = measure_rates(one.rendition)
        if own is None:
            return None
        rates.append(own)
    return Rates(
        sum((rate.peak for rate in rates), Fraction(0)), sum((rate.average for rate in rates), Fraction(0))
    )


def judge_rates(stream: Stream) -> None:
    """Report stated bit rates that are not the measured ones. Live streams are too short to be measured."""
    for one in stream.variants:
        if one.variant is None or not one.rendition.playlist.ended:
            continue
        measured = measure_variant(stream, one)
        if measured is None:
            continue
        _judge_peak(stream, one, measured)
        average = one.variant.attributes.integer("AVERAGE-BANDWIDTH")
        if average is not None and abs(measured.average - average) > _TOLERANCE * average:
            stream.scope.add(
                rulebook.AVERAGE_TRUE,
                f"AVERAGE-BANDWIDTH={average}, measured {float(measured.average):.0f} "
                f"({float(measured.average / max(1, average) - 1):+.0%})",
                one.at,
            )
        if measured.peak > _PEAKY * measured.average:
            stream.scope.add(
                rulebook.PEAKY,
                f"the peak is {float(measured.peak / measured.average):.1f} times the average",
                one.at,
            )


def _judge_peak(stream: Stream, one: VariantStream, measured: Rates) -> None:
    assert one.variant is not None
    stated = one.variant.attributes.integer("BANDWIDTH")
    if stated is None:
        return
    over = float(measured.peak / max(1, stated) - 1)
    off = f"BANDWIDTH={stated}, measured {float(measured.peak):.0f} ({over:+.1%})"
    if abs(measured.peak - stated) > _TOLERANCE * stated:
        stream.scope.add(rulebook.PEAK_TRUE, off, one.at)
    elif measured.peak > stated * (1 + _ROUNDING):
        stream.scope.add(rulebook.PEAK_UNDERSTATED, off, one.at)
