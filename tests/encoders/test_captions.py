"""Which caption channels frames carry."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.sidedata.sidedata import Type

from encoders import annexb
from encoders.captions import channels_of
from encoders.sidedata import side_data
from tests.encoders.clips import PICTURE, Clips, encode, ffmpeg, join, plan_of

# Flags 0xFC | type: valid constructs; 0x80 is a null byte with its parity bit.
SAYS_IN_FIELD_1 = bytes((0xFC, 0x94, 0x2C))
SAYS_IN_FIELD_2 = bytes((0xFD, 0x15, 0x2C))
STARTS_A_PACKET = bytes((0xFF, 0x02, 0x21))
NOTHING_YET = bytes((0xFC, 0x80, 0x80))
NOT_VALID = bytes((0xF8, 0x94, 0x2C))


@pytest.mark.parametrize(
    ("frames", "channels"),
    [
        ([], set()),
        ([SAYS_IN_FIELD_1], {"CC1"}),
        ([SAYS_IN_FIELD_1 + SAYS_IN_FIELD_2], {"CC1", "CC3"}),
        ([NOTHING_YET, STARTS_A_PACKET + NOTHING_YET], {"SERVICE1"}),
        ([NOTHING_YET, NOTHING_YET], {"CC1"}),
        ([NOT_VALID], set()),
        ([SAYS_IN_FIELD_1[:2]], set()),
    ],
)
def test_channels_are_those_in_which_something_is_said(frames: list[bytes], channels: set[str]) -> None:
    assert channels_of(frames) == channels


def captioned(path: Path) -> Path:
    """Write an MPEG-TS whose 50 pictures carry one CEA-608 construct each (ATSC A/53 Part 4, 6.2.3)."""
    plain = ffmpeg(
        *("-f", "lavfi", "-i", PICTURE.format(rate=25, seconds=2), "-c:v", "libx264", "-preset", "ultrafast"),
        *("-pix_fmt", "yuv420p", "-f", "h264", "-"),
    )
    stream, number = b"", 0
    for nal in annexb.nal_units(plain):
        if nal[0] & 31 in (1, 5):
            construct = bytes((0xFC, 0x20 + number % 64, 0x41))
            user_data = b"\xb5\x00\x31GA94\x03" + bytes((0x41, 0xFF)) + construct + b"\xff"
            stream += b"\0\0\0\1\x06\x04" + bytes((len(user_data),)) + user_data + b"\x80"
            number += 1
        stream += b"\0\0\0\1" + nal
    raw = path.with_suffix(".h264")
    raw.write_bytes(stream)
    ffmpeg("-r", "25", "-i", str(raw), "-c", "copy", "-bsf:v", "setts=ts=N*3600:time_base=1/90000", str(path))
    return path


def captions_in(path: Path) -> list[bytes]:
    """Return the first construct of each frame that carries captions, in the order of showing."""
    with av.open(str(path)) as container:
        data = [side_data(frame, Type.A53_CC) for frame in container.decode(video=0)]
    return [found[:3] for found in data if found]


def test_captions_go_through_every_rendition_once_each(tmp_path: Path) -> None:
    source = captioned(tmp_path / "captioned.ts")
    plan = plan_of(source)
    assert plan.facts.video is not None
    assert plan.facts.video.captions == ("CC1",)
    encode(plan, source, tmp_path / "out")
    expected = [bytes((0xFC, 0x20 + number % 64, 0x41)) for number in range(50)]
    for rendition in plan.video:
        assert captions_in(join(tmp_path / "out", rendition.name)) == expected


def test_a_film_without_captions_has_none_in_any_rendition(clip: Clips, tmp_path: Path) -> None:
    plan = plan_of(clip("old.avi"))
    assert plan.facts.video is not None
    assert plan.facts.video.captions == ()
    encode(plan, clip("old.avi"), tmp_path)
    assert captions_in(join(tmp_path, plan.video[0].name)) == []
