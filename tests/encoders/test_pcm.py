"""Channels: which loudspeakers they are, and what becomes of them in stereo and 5.1."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.filter import Graph

from encoders.pcm import Converter, Samples, Shape, Unpacker, mixes_down


def shape(layout: str, rate: int = 48_000) -> Shape:
    return Shape(rate, layout, av.AudioLayout(layout).nb_channels, "flt")


def converted(samples: Samples, source: Shape, channels: int, rate: int = 48_000) -> Samples:
    converter = Converter(source, channels, rate)
    return np.concatenate([*converter.convert(samples), *converter.finish()])


def matrix(layout: str, channels: int) -> list[list[float]]:
    """How much of each channel of a layout is in each channel of a rendition."""
    source = shape(layout)
    rows = []
    for channel in range(source.channels):
        samples = np.zeros((2048, source.channels), np.float32)
        samples[:, channel] = 0.25
        rows.append([round(float(gain), 4) for gain in converted(samples, source, channels)[1000] / 0.25])
    return rows


FRONT = [[1, 0], [0, 1]]
CENTRE, LFE = [0.7071, 0.7071], [0, 0]
SIDES = [[0.7071, 0], [0, 0.7071]]
BEHIND = [0.5, 0.5]

#: The coefficients of ITU-R BS.775-4, annex 4, for every layout that its tables have, and their like.
STEREO = {
    "mono": [CENTRE],
    "stereo": FRONT,
    "2.1": [*FRONT, LFE],
    "3.0": [*FRONT, CENTRE],
    "quad": [*FRONT, *SIDES],
    "quad(side)": [*FRONT, *SIDES],
    "4.0": [*FRONT, CENTRE, BEHIND],
    "5.0": [*FRONT, CENTRE, *SIDES],
    "5.1": [*FRONT, CENTRE, LFE, *SIDES],
    "5.1(side)": [*FRONT, CENTRE, LFE, *SIDES],
    "6.1": [*FRONT, CENTRE, LFE, BEHIND, *SIDES],
    "7.1": [*FRONT, CENTRE, LFE, *SIDES, *SIDES],
    "7.1(wide)": [*FRONT, CENTRE, LFE, *SIDES, *FRONT],
}


@pytest.mark.parametrize("layout", STEREO)
def test_every_layout_becomes_stereo_by_the_standard_coefficients(layout: str) -> None:
    assert matrix(layout, 2) == STEREO[layout]


@pytest.mark.parametrize(
    ("unknown", "taken_for"),
    [("1 channels", "mono"), ("2 channels", "stereo"), ("6 channels", "5.1"), ("8 channels", "7.1")],
)
def test_channels_that_nobody_named_are_the_usual_loudspeakers(unknown: str, taken_for: str) -> None:
    assert matrix(unknown, 2) == STEREO[taken_for]


@pytest.mark.parametrize("layout", ["9 channels", "16 channels", "32 channels"])
def test_of_many_channels_that_nobody_named_the_first_two_are_heard(layout: str) -> None:
    assert matrix(layout, 2) == [*FRONT, *[LFE] * (av.AudioLayout(layout).nb_channels - 2)]


def test_of_ambisonics_the_mono_part_is_heard() -> None:
    assert matrix("ambisonic 1", 2) == [CENTRE, LFE, LFE, LFE]


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)"])
def test_surround_keeps_its_channels(layout: str) -> None:
    assert matrix(layout, 6) == np.eye(6).tolist()


def test_seven_channels_become_five_with_the_rear_in_the_surrounds() -> None:
    rows = matrix("7.1", 6)
    assert rows[:6] == np.eye(6).tolist()
    assert rows[6:] == [[0, 0, 0, 0, 0.7071, 0], [0, 0, 0, 0, 0, 0.7071]]


def test_stereo_becomes_mono_by_the_standard_coefficients() -> None:
    assert matrix("stereo", 1) == [[0.7071], [0.7071]]


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 37_800, 44_100, 88_200, 96_000, 192_000])
def test_resampling_moves_nothing(rate: int) -> None:
    """A step in the middle stays in the middle, and the length is right to a sample."""
    samples = np.zeros((rate, 1), np.float32)
    samples[rate // 2 :] = 0.5
    out = converted(samples, shape("mono", rate), 1)[:, 0]
    assert abs(len(out) - 48_000) <= 1
    step = np.flatnonzero(out > 0.25)[0]
    assert abs(step - 24_000) <= 48_000 / rate + 1


@pytest.mark.parametrize("layout", ["stereo", "7.1", "22.2"])
@pytest.mark.parametrize("kind", ["u8", "s16", "s32", "flt", "dbl", "u8p", "s16p", "s32p", "fltp", "dblp"])
def test_samples_are_those_of_the_frame_whatever_their_format(kind: str, layout: str) -> None:
    channels = av.AudioLayout(layout).nb_channels
    values = "|".join(f"{(n + 1) / 32}" for n in range(channels))
    graph = Graph()
    source = graph.add("aevalsrc", f"{values}:c={layout}:s=48000")
    last = graph.add("aformat", f"sample_fmts={kind}")
    sink = graph.add("abuffersink")
    source.link_to(last)
    last.link_to(sink)
    graph.configure()
    frame = sink.pull()
    assert isinstance(frame, av.AudioFrame)
    assert frame.format.name == kind
    samples = Unpacker(Shape.of(frame)).samples(frame)
    assert samples.shape == (frame.samples, channels)
    expected = (np.arange(channels) + 1) / 32
    assert np.abs(samples - expected).max() < (0.005 if kind.startswith("u8") else 0.0001)


def test_only_sums_of_channels_can_exceed_full_scale() -> None:
    assert not mixes_down(shape("mono"), 2)
    assert not mixes_down(shape("stereo"), 2)
    assert not mixes_down(shape("16 channels"), 2)
    assert not mixes_down(shape("5.1"), 6)
    assert mixes_down(shape("stereo"), 1)
    assert mixes_down(shape("5.1"), 2)
    assert mixes_down(shape("7.1"), 6)
