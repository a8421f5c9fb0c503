"""Frame rates: constant, doubled, lied about, and none at all."""

from __future__ import annotations

import random
import shlex
from fractions import Fraction
from pathlib import Path

from tests.hostile.expected import Film, Shown, Track, every, expect, seconds_of_beeps
from tests.hostile.sources import AAC, X264, Kit, Recipe, encoded, to_yuv
from tests.hostile.timed import timed


def _constant(name: str, rate: str, count: int, *, suffix: str = "mp4", arguments: str = "") -> Recipe:
    film = Film(Fraction(rate), count)
    return encoded(f"fps_{name}.{suffix}", f"{X264} {AAC} {arguments}", film=film)


def _halved(name: str, rate: str, count: int, by: int, suffix: str = "mp4") -> Recipe:
    film = Film(Fraction(rate), count)
    shown: Shown = every(film)[::by]
    return encoded(
        f"fps_{name}.{suffix}",
        f"{X264} {AAC}",
        film=film,
        shown=shown,
        rate=film.rate / by,
        stride=by,
        note=f"only every {by}. frame fits",
    )


def _jittery(rate: Fraction, count: int, jitter: float, seed: int) -> list[Fraction]:
    """Times of a constant rate, each off by up to a share of a frame."""
    dice = random.Random(seed)
    return [Fraction(0)] + [
        (at + Fraction(dice.uniform(-jitter, jitter)).limit_denominator(1000)) / rate
        for at in range(1, count)
    ]


def _phone(count: int, seed: int) -> list[Fraction]:
    """A phone's clock: 30 frames a second in good light, 15 to 24 in the dark, now and then a lost frame."""
    dice = random.Random(seed)
    times, now = [], Fraction(0)
    for at in range(count):
        times.append(now)
        step = Fraction(1, 30) if at < count // 2 else Fraction(1, dice.choice((15, 20, 24)))
        now += step * (3 if dice.random() < 0.03 else 1)
    return times


def _recorder() -> list[Fraction]:
    """A screen recorder: bursts of 60 frames a second, then nothing for a while."""
    times, now = [], Fraction(0)
    for pause in (Fraction(1, 2), Fraction(2), Fraction(1, 7), Fraction(3, 2)):
        for _ in range(12):
            times.append(now)
            now += Fraction(1, 60)
        now += pause
    return [*times, now]


def _with_hole(rate: int, before: int, hole: int, after: int) -> list[Fraction]:
    times = [Fraction(at, rate) for at in range(before)]
    return times + [times[-1] + hole + Fraction(at, rate) for at in range(after)]


CINEMA = Film(Fraction(24000, 1001), 95)


def _soft_telecine(kit: Kit, path: Path) -> None:
    """MPEG-2 of film whose pictures are flagged to be shown for 3 and 2 fields by turns (H.262, 6.3.10)."""
    stream = path.with_name("pulldown.m2v")
    kit.ffmpeg(
        *("-i", kit.film(CINEMA), *shlex.split(to_yuv("bt601-untagged"))),
        *shlex.split("-c:v mpeg2video -q:v 3 -g 12 -bf 0 -bsf:v mpeg2_metadata=frame_rate=30000/1001"),
        stream,
    )
    data, at, picture = bytearray(stream.read_bytes()), 0, 0
    while (at := data.find(b"\x00\x00\x01\xb5", at)) >= 0:
        if data[at + 4] >> 4 == 1:
            data[at + 5] &= 0xF7  # progressive_sequence = 0
        elif data[at + 4] >> 4 == 8:
            top, repeat = ((1, 1), (0, 0), (0, 1), (1, 0))[picture % 4]
            data[at + 7] = data[at + 7] & 0x7D | top << 7 | repeat << 1
            data[at + 8] |= 0x80  # progressive_frame
            picture += 1
        at += 4
    stream.write_bytes(data)
    kit.ffmpeg("-fflags", "+genpts", "-i", stream, "-i", kit.beeps(4), "-c:v", "copy", "-c:a", "mp2", path)
    stream.unlink()


RATE_30 = [Fraction(at, 30) for at in range(90)]
LAST = Fraction(1, 30)
SMALL_60 = Film(Fraction(60), 180)

TABLE = [
    _constant("23976", "24000/1001", 96),
    _constant("23976", "24000/1001", 96, suffix="mkv"),
    _constant("24", "24", 96),
    _constant("2997", "30000/1001", 119, suffix="mkv"),
    _constant("2997", "30000/1001", 119, suffix="ts"),
    _constant("30", "30", 120),
    _constant("48", "48", 192),
    _constant("50", "50", 200, suffix="ts"),
    _constant("5994", "60000/1001", 239),
    _constant("5994", "60000/1001", 239, suffix="mkv"),
    _constant("60", "60", 240),
    _constant("15", "15", 60),
    _constant("12", "12", 48),
    _constant("12_5", "25/2", 50, suffix="mkv"),
    _constant("10", "10", 40),
    _constant("5", "5", 25),
    _constant("1", "1", 6),
    _constant("odd_19_7", "197/10", 79),
    encoded(
        "fps_0_1.mp4",
        X264,
        film=Film(Fraction(1, 10), 4),
        sound=False,
        pictures="slots",
        rate=None,
        note="a frame every ten seconds",
    ),
    _halved("100", "100", 400, 2),
    _halved("120", "120", 480, 2),
    _halved("119_88", "120000/1001", 478, 2, "mkv"),
    _halved("240", "240", 720, 4),
    _halved("90", "90", 270, 2),
    encoded("single_frame.mp4", X264, film=Film(count=1), sound=False, rate=None),
    encoded(
        "single_frame_with_sound.mp4",
        f"{X264} {AAC}",
        film=Film(count=1),
        sound_seconds=3,
        rate=None,
        pictures="slots",
    ),
    encoded("two_frames.mp4", X264, film=Film(count=2), sound=False),
    timed("vfr_phone.mp4", _phone(120, 1), last=LAST),
    timed("vfr_phone.mkv", _phone(120, 2), time_base=Fraction(1, 1000), last=LAST),
    timed("vfr_phone_b.mp4", _phone(120, 3), codec={"bf": "3"}, last=LAST),
    timed("vfr_recorder.mp4", _recorder(), last=Fraction(1, 60)),
    timed(
        "vfr_drops.mp4",
        [at for n, at in enumerate(RATE_30) if n % 7 != 3],
        last=LAST,
        note="every seventh frame is missing",
    ),
    timed(
        "vfr_30_and_60.mp4",
        [Fraction(at, 30) for at in range(45)] + [Fraction(3, 2) + Fraction(at, 60) for at in range(90)],
        last=Fraction(1, 60),
    ),
    timed(
        "vfr_24_and_30.mkv",
        [Fraction(at, 24) for at in range(48)] + [2 + Fraction(at, 30) for at in range(60)],
        time_base=Fraction(1, 1000),
        last=LAST,
    ),
    timed("hole_10s.mp4", _with_hole(25, 50, 10, 50), note="ten seconds without a frame"),
    timed("hole_3s.mkv", _with_hole(30, 50, 3, 50), time_base=Fraction(1, 1000), last=LAST),
    timed("hole_10s.ts", _with_hole(25, 50, 10, 50), note="ten seconds without a frame"),
    timed(
        "jitter_small.mkv",
        _jittery(Fraction(30), 120, 0.1, 4),
        time_base=Fraction(1, 1000),
        last=LAST,
        note="a constant rate, roughly",
    ),
    timed("jitter_large.mp4", _jittery(Fraction(30), 120, 0.4, 5), last=LAST),
    timed("timelapse.mp4", [Fraction(at) for at in range(8)], last=Fraction(1), note="a frame a second"),
    timed(
        "fine_timebase.mp4",
        RATE_30,
        time_base=Fraction(1, 1_000_000),
        last=LAST,
        pictures="every",
        rate=Fraction(30),
    ),
    timed(
        "milliseconds.mkv",
        RATE_30,
        time_base=Fraction(1, 1000),
        last=LAST,
        pictures="every",
        rate=Fraction(30),
    ),
    timed(
        "first_frame_long.mp4",
        [Fraction(0)] + [1 + Fraction(at, 30) for at in range(60)],
        last=LAST,
        note="the first frame lasts a second",
    ),
    timed(
        "last_frame_late.mp4",
        [*RATE_30, Fraction(6)],
        last=LAST,
        note="the last frame comes three seconds late",
    ),
    timed(
        "one_early.mkv",
        [*RATE_30[:40], RATE_30[40] - Fraction(1, 60), *RATE_30[41:]],
        time_base=Fraction(1, 1000),
        last=LAST,
    ),
    timed(
        "nearly_60.mp4",
        [at / Fraction(5990, 100) for at in range(180)],
        last=Fraction(1, 60),
        note="59.90 frames a second",
    ),
    timed(
        "drift_29_99.mp4",
        [at / Fraction(2999, 100) for at in range(150)],
        last=LAST,
        note="29.99 frames a second",
    ),
    encoded(
        "lies_60_of_30.mp4",
        f"{X264} {AAC} -bsf:v h264_metadata=tick_rate=120",
        film=Film(Fraction(30), 90),
        note="the stream says 60, there are 30",
    ),
    encoded(
        "lies_25_of_50.mkv",
        f"{X264} {AAC} -bsf:v h264_metadata=tick_rate=50",
        film=Film(Fraction(50), 150),
        note="the stream says 25, there are 50",
    ),
    encoded(
        "equal_times.mkv",
        rf"{X264} -bf 0 {AAC} -bsf:v 'setts=ts=if(between(N\,30\,31)\,29\,TS)'",
        shown=tuple((n, Fraction(29 if n in (30, 31) else n, 25)) for n in range(100)),
        pictures="slots",
        rate=None,
        note="three frames at one time",
    ),
    Recipe(
        "telecine_soft.ts",
        _soft_telecine,
        expect(
            CINEMA,
            shown=tuple((n, (n * 5 + n % 2) // 2 * Fraction(1001, 60000)) for n in range(CINEMA.count)),
            pictures="slots",
            rate=None,
        ),
        "3:2 pulldown by flags",
    ),
    encoded(
        "telecine_hard.ts",
        "-c:v mpeg2video -q:v 3 -g 12 -flags +ilme+ildct -c:a mp2",
        film=Film(Fraction(24000, 1001), 96),
        yuv=to_yuv(after="telecine=first_field=t:pattern=23,setfield=tff"),
        rate=None,
        pictures="measured",
        unreadable=0.5,
        note="3:2 pulldown baked into the pictures",
        tracks=(Track(seconds_of_beeps(4.004), end=4.004),),
    ),
]
