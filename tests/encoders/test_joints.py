"""Where two chunks meet: no step in quality, and no peak above the declared rate and buffer."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from encoders.codecs import CODECS, X264
from encoders.video import open_encoder
from gopfarm.plan import VideoRendition
from tests.encoders.clips import psnr
from verifier.vbv import check_buffer

RATE = Fraction(25)
FRAMES, JOINT, GOP = 150, 75, 25
RENDITION = VideoRendition("trial", "", 320, 192, "libx264", "veryfast", 300_000, 321_000, 450_000)


class Former(X264):
    """Without what is done for joints."""

    def options(self, rendition: VideoRendition, rate: Fraction, captions: bool = False) -> dict[str, str]:
        options = super().options(rendition, rate, captions)
        del options["x264-params"]
        return options


@pytest.fixture(scope="module")
def pictures() -> list[VideoFrame]:
    """A soft pattern that pans: easy, so that x264's first guess is far off."""
    small = np.random.default_rng(1).integers(0, 255, (8, 14 + FRAMES // 15), dtype=np.uint8)
    wide = VideoFrame.from_ndarray(small, format="gray").reformat(320 + 2 * FRAMES, 192, format="gray")
    scene = wide.to_ndarray()
    return [
        VideoFrame.from_ndarray(np.ascontiguousarray(scene[:, 2 * n : 2 * n + 320]), format="gray").reformat(
            format="yuv420p"
        )
        for n in range(FRAMES)
    ]


def encode(pictures: list[VideoFrame], edges: list[int]) -> list[tuple[int, float]]:
    """Encode chunk by chunk; return bytes in decoding order and PSNR in the order shown, as pairs."""
    sizes, quality = [], []
    for start, end in pairwise(edges):
        encoder = open_encoder(RENDITION, RATE)
        packets = []
        for slot in range(start, end):
            frame = pictures[slot]
            frame.pts, frame.time_base = slot, 1 / RATE
            frame.pict_type = PictureType.NONE if slot % GOP else PictureType.I
            packets += encoder.stream.encode(frame)
        packets += encoder.stream.encode(None)
        sizes += [packet.size for packet in packets]
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = encoder.context.extradata
        shown = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
        quality += [
            psnr(frame.to_ndarray(format="gray"), pictures[start + n].to_ndarray(format="gray"))
            for n, frame in enumerate(shown)
        ]
    return list(zip(sizes, quality, strict=True))


def step(pictures: list[VideoFrame]) -> float:
    """How much worse the half second after the joint is than without a joint, in dB."""
    after = slice(JOINT, JOINT + 12)
    whole = encode(pictures, [0, FRAMES])[after]
    joined = encode(pictures, [0, JOINT, FRAMES])[after]
    return float(np.mean([one - other for (_, one), (_, other) in zip(whole, joined, strict=True)]))


def test_quality_steps_down_less_at_a_joint_than_x264_alone_would(
    pictures: list[VideoFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = step(pictures)
    monkeypatch.setitem(CODECS, "libx264", Former())
    former = step(pictures)
    assert found < former - 1


def test_a_joined_stream_keeps_to_the_declared_rate_and_buffer(pictures: list[VideoFrame]) -> None:
    bits = [8 * size for size, _ in encode(pictures, [0, 50, 100, FRAMES])]
    times = [slot / RATE for slot in range(FRAMES)]
    assert check_buffer(bits, times, RENDITION.maxrate, RENDITION.bufsize).conforms
    assert not check_buffer(bits, times, RENDITION.maxrate, max(bits) // 2).conforms
