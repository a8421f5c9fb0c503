"""The encoders' options exist, and mean what the plan says; NVENC's are checked without a GPU."""

from __future__ import annotations

import ctypes
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import get_args

import av
import pytest
from av.video.frame import PictureType, VideoFrame

from encoders import annexb
from encoders.codecs import AUDIO_QUEUE, CODECS, REORDER_FRAMES, X264, Nvenc, VideoCodec
from encoders.registry import available_encoders, encodes
from encoders.video import open_encoder
from gopfarm.plan import VideoRendition
from gopfarm.profile import X264_PRESETS, Preset


def rendition(encoder: str, preset: str = "ultrafast") -> VideoRendition:
    return VideoRendition("trial", "", 320, 192, encoder, preset, 500_000, 535_000, 750_000)


class LibAvOptions:
    """libavcodec's own judgement of an encoder's options, by av_opt_set: it needs no hardware."""

    _SEARCH_CHILDREN = 1

    def __init__(self, codec: str) -> None:
        # The very libraries that PyAV has loaded, beside it in its wheel.
        folder = Path(av.__file__).parent.parent / "av.libs"
        avcodec = ctypes.CDLL(str(next(folder.glob("libavcodec-*"))))
        self._avutil = ctypes.CDLL(str(next(folder.glob("libavutil-*"))))
        avcodec.avcodec_find_encoder_by_name.restype = ctypes.c_void_p
        avcodec.avcodec_alloc_context3.restype = ctypes.c_void_p
        found = avcodec.avcodec_find_encoder_by_name(codec.encode())
        assert found
        self._context = ctypes.c_void_p(avcodec.avcodec_alloc_context3(ctypes.c_void_p(found)))

    def accepts(self, name: str, value: str) -> bool:
        """Tell whether an option of the encoder, or of all encoders, exists and takes a value."""
        where = (self._context, name.encode(), value.encode(), self._SEARCH_CHILDREN)
        return bool(self._avutil.av_opt_set(*where) >= 0)


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: str(codec.name))
def test_every_option_and_its_value_is_known_to_libavcodec(codec: VideoCodec) -> None:
    libav = LibAvOptions(codec.name)
    for preset in X264_PRESETS:
        for rate in (Fraction(1), Fraction(24000, 1001), Fraction(60)):
            for name, value in codec.options(rendition(codec.name, preset), rate).items():
                assert libav.accepts(name, value), f"{codec.name}: {name}={value}"


@pytest.mark.parametrize("preset", X264_PRESETS)
def test_x264_keeps_few_pictures_in_memory_whatever_the_preset(preset: str) -> None:
    encoder = open_encoder(rendition("libx264", preset), Fraction(25))
    picture = VideoFrame(320, 192, "yuv420p")
    for waiting in range(60):
        picture.pts = waiting
        if encoder.stream.encode(picture):
            break
    # Trying out where 8 B-frames may stand takes veryslow 32 pictures anyway.
    assert waiting <= (33 if preset == "veryslow" else 21)


def test_libavcodec_would_not_accept_a_wrong_option() -> None:
    libav = LibAvOptions("h264_nvenc")
    assert libav.accepts("rc", "vbr")
    assert not libav.accepts("rc", "fastest")
    assert not libav.accepts("no-such-option", "1")
    assert not libav.accepts("b_ref_mode", "centre")


def test_every_preset_has_an_nvenc_preset_of_the_same_rank() -> None:
    assert get_args(Preset) == X264_PRESETS
    chosen = [Nvenc().options(rendition("h264_nvenc", p), Fraction(30))["preset"] for p in X264_PRESETS]
    assert chosen == sorted(chosen)
    assert (chosen[0], chosen[-1]) == ("p1", "p7")


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(24000, 1001), Fraction(60)])
def test_nvenc_looks_ahead_for_no_more_than_a_second(rate: Fraction) -> None:
    ahead = int(Nvenc().options(rendition("h264_nvenc"), rate)["rc-lookahead"])
    assert 0 < ahead <= min(32, rate + 1)


def test_codecs_are_found_by_the_name_that_plans_carry() -> None:
    assert {name: codec.name for name, codec in CODECS.items()} == {n: n for n in ("libx264", "h264_nvenc")}
    assert AUDIO_QUEUE == X264.queue != Nvenc.queue


def test_a_machine_has_what_really_encodes() -> None:
    assert encodes(X264())
    works = encodes(Nvenc())
    try:
        has_gpu = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        has_gpu = False
    assert works is has_gpu
    assert available_encoders() == (("libx264", "h264_nvenc") if has_gpu else ("libx264",))


def test_an_encoder_that_libavcodec_lacks_is_not_available() -> None:
    class Imaginary(X264):
        name = "h264_imaginary"

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CODECS, "h264_imaginary", Imaginary())
        assert not encodes(Imaginary())


@pytest.mark.parametrize("preset", ["ultrafast", "medium", "veryslow"])
@pytest.mark.parametrize("rate", [Fraction(1), Fraction(30000, 1001), Fraction(60)])
def test_x264_keeps_its_contract(preset: str, rate: Fraction) -> None:
    """IDR where forced, closed GOPs, High profile, no more reordering than the time lines allow for."""
    encoder = open_encoder(rendition("libx264", preset), rate)
    packets = []
    for slot in range(12):
        frame = av.VideoFrame(320, 192, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((slot * 20 + n) % 256 for n in range(plane.buffer_size)))
        frame.pts, frame.time_base = slot, 1 / rate
        frame.pict_type = PictureType.I if slot in (0, 7) else PictureType.NONE
        packets += encoder.stream.encode(frame)
    packets += encoder.stream.encode(None)
    shown = [packet.pts for packet in packets]
    assert sorted(shown) == list(range(12))
    idr = [packet.pts for packet in packets if annexb.starts_with_idr(bytes(packet))]
    assert {0, 7} <= set(idr)
    assert max(at - pts for at, pts in enumerate(shown)) <= REORDER_FRAMES
    for first in idr:
        assert all(pts < first for pts in shown[: shown.index(first)])
    sets = annexb.parameter_sets(encoder.context.extradata or b"")
    assert annexb.codec_string(sets).startswith("avc1.64" if preset != "ultrafast" else "avc1.")
