"""Exact time: the output frame grid, and how chunks are cut into segments and GOPs.

All times are ``Fraction`` seconds; nothing here is ever a float. The grid has slot 0 at the first frame that
a player would show, and slot ``k`` at ``k / frame_rate``.
"""

from __future__ import annotations

from fractions import Fraction

#: No closed GOP lasts longer than this many seconds (Apple HLS authoring rules 1.10 ask for 2 s).
MAX_GOP_SECONDS = Fraction(2)

#: The rates that cameras and broadcasters use; a measured rate within 0.1% of one is that one.
NATURAL_RATES: tuple[Fraction, ...] = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)

#: Samples of an AAC-LC frame: sound can be cut only between two of them.
AAC_FRAME = 1024

#: Frames before the first one wanted that deinterlacing takes: one is shown until the first one comes, and
#: that one too is made whole with the help of the one before it.
FIELD_CONTEXT = 2

#: Streams faster than this are halved until they fit.
MAX_RATE = Fraction(60)


def round_half_up(value: Fraction) -> int:
    """Round to the nearest integer, halves upwards (never banker's rounding: a grid must be monotonic)."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def slot_of(pts: int, origin: int, time_base: Fraction, rate: Fraction) -> int:
    """Return the grid slot of a frame: the nearest one, looking at nothing but absolute time.

    ``pts`` and ``origin`` (the first shown frame) are in ``time_base`` seconds; ``rate`` is the grid's
    frames per second. Several frames may fall into one slot (the last one wins) and a slot may have none
    (the frame before stays on screen): that is the whole rule for variable frame rates, and for a constant
    rate it is the identity.
    """
    return round_half_up((pts - origin) * time_base * rate)


def cut_evenly(total: int, longest: int) -> tuple[int, ...]:
    """Cut ``total`` frames into the fewest, most equal parts of at most ``longest`` frames.

    Longer parts come first. Every part is at least half of ``longest`` whenever ``total`` is.
    """
    if total <= 0 or longest <= 0:
        raise ValueError(f"cannot cut {total} frames into parts of at most {longest}")
    parts = -(-total // longest)
    size, longer = divmod(total, parts)
    return (size + 1,) * longer + (size,) * (parts - longer)


def gop_starts(frames: int, rate: Fraction) -> tuple[int, ...]:
    """Return the offsets, within a segment of ``frames`` frames, at which an IDR frame must stand."""
    longest = max(1, int(MAX_GOP_SECONDS * rate))
    starts, at = [], 0
    for length in cut_evenly(frames, longest):
        starts.append(at)
        at += length
    return tuple(starts)


def output_rate(source_rate: Fraction) -> Fraction:
    """Return the grid's rate for a source of ``source_rate``: the same, halved until it is at most 60."""
    rate = source_rate
    while rate > MAX_RATE:
        rate /= 2
    return rate


def decimation(source_rate: Fraction, grid_rate: Fraction, constant: bool) -> int:
    """Return how many source frames of a constant rate make a slot of the grid; 1 for a variable rate."""
    return max(1, round(source_rate / grid_rate)) if constant else 1


def natural_rate(measured: Fraction, tolerance: Fraction = Fraction(1, 1000)) -> Fraction:
    """Return the standard rate within ``tolerance`` of ``measured``, or itself."""
    best = min(NATURAL_RATES, key=lambda rate: abs(rate / measured - 1))
    return best if abs(best / measured - 1) <= tolerance else measured


def video_timescale(rate: Fraction) -> int:
    """Return the ticks per second of a video track at ``rate``: exact, at least 10,000 (muxers insist)."""
    scale = rate.numerator
    while scale < 10_000:
        scale *= 2
    return scale


def video_ticks(slot: int, rate: Fraction) -> int:
    """Return the time of a grid slot in ticks of ``video_timescale``; also the duration of so many frames."""
    return slot * rate.denominator * (video_timescale(rate) // rate.numerator)
