"""Crops and Dolby Vision records of containers, read from files that ffmpeg reads the same way."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest

from encoders.crop import container_crop, usable
from encoders.dolby import DolbyVision, dolby_vision, refusal
from gopfarm.facts import Crop
from tests.encoders.clips import FFMPEG, Clips, CountingFile, ffmpeg

MP4, MKV = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"

#: The boxes around what a sample entry holds, outermost first.
AROUND = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")


def with_box(data: bytes, kind: bytes, payload: bytes) -> bytes:
    """Add a box to the sample entry of a one-track MP4 whose index comes last."""
    box = struct.pack(">I4s", 8 + len(payload), kind) + payload
    moov = data.index(b"moov")
    entry = data.index(b"avc1", data.index(b"stsd", moov)) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    grown = bytearray(data[:end] + box + data[end:])
    for name in AROUND:
        at = data.index(name, moov) - 4
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", data, at)[0] + len(box))
    return bytes(grown)


def with_clap(data: bytes, *values: int) -> bytes:
    return with_box(data, b"clap", struct.pack(">IIIIiIiI", *values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((140, 1, 80, 1, 0, 1, 0, 1), Crop(10, 8, 10, 8)),
        ((140, 1, 80, 1, -4, 1, 3, 1), Crop(6, 11, 14, 5)),
        ((141, 1, 81, 1, 0, 1, 0, 1), Crop(9, 7, 10, 8)),
        ((141, 1, 81, 1, 1, 2, -1, 2), Crop(10, 7, 9, 8)),
        ((1405, 10, 80, 1, 0, 1, 0, 1), Crop(9, 8, 10, 8)),
        ((160, 1, 96, 1, 0, 1, 0, 1), Crop()),
        ((170, 1, 96, 1, 0, 1, 0, 1), Crop()),
        ((140, 1, 80, 1, 40, 1, 0, 1), Crop()),
        ((140, 0, 80, 1, 0, 1, 0, 1), Crop()),
        ((0, 1, 0, 1, 0, 1, 0, 1), Crop()),
    ],
)
def test_clean_apertures_are_cut_as_ffmpeg_cuts_them(
    values: tuple[int, ...], expected: Crop, clip: Clips, tmp_path: Path
) -> None:
    data = with_clap(clip("still.mp4").read_bytes(), *values)
    assert container_crop(io.BytesIO(data), MP4, 0) == expected
    assert container_crop(io.BytesIO(data), MP4, 1) == Crop()
    path = tmp_path / "clap.mp4"
    path.write_bytes(data)
    told = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False
    )
    stated = f"{expected.left}/{expected.right}/{expected.top}/{expected.bottom}"
    assert ("Frame Cropping" in told.stderr) == (expected != Crop())
    assert expected == Crop() or f"Frame Cropping: {stated}" in told.stderr
    ffmpeg("-i", str(path), "-c", "copy", str(tmp_path / "crop.mkv"))
    with (tmp_path / "crop.mkv").open("rb") as source:
        assert container_crop(source, MKV, 0) == expected


def test_other_containers_have_no_crop(clip: Clips) -> None:
    for name, format_name in (("closed.mov", MP4), ("offset.ts", "mpegts"), ("vp9.webm", MKV)):
        with clip(name).open("rb") as source:
            assert container_crop(source, format_name, 0) == Crop()


def test_sound_tracks_are_not_counted(clip: Clips, tmp_path: Path) -> None:
    path = tmp_path / "two.mp4"
    clap = tmp_path / "clap.mp4"
    clap.write_bytes(with_clap(clip("still.mp4").read_bytes(), 140, 1, 80, 1, 0, 1, 0, 1))
    inputs = ("-i", str(clip("closed.mp4")), "-i", str(clap))
    for suffix, format_name in (("mp4", MP4), ("mkv", MKV)):
        path = tmp_path / f"two.{suffix}"
        ffmpeg(*inputs, "-map", "0:a", "-map", "0:v", "-map", "1:v", "-c", "copy", str(path))
        with path.open("rb") as source:
            assert container_crop(source, format_name, 0) == Crop()
            assert container_crop(source, format_name, 1) == Crop(10, 8, 10, 8)
            assert container_crop(source, format_name, 2) == Crop()


def test_a_crop_that_leaves_nothing_is_none() -> None:
    assert usable(Crop(4, 4, 4, 4), 9, 9) == Crop(4, 4, 4, 4)
    assert usable(Crop(4, 4, 5, 4), 9, 9) == Crop()
    assert usable(Crop(-4, 0, 0, 0), 9, 9) == Crop()


@pytest.mark.parametrize("format_name", [MP4, MKV])
def test_damaged_and_hostile_headers_cost_little(format_name: str, clip: Clips, tmp_path: Path) -> None:
    clap = tmp_path / "clap.mp4"
    clap.write_bytes(with_clap(clip("still.mp4").read_bytes(), 140, 1, 80, 1, 0, 1, 0, 1))
    ffmpeg("-i", str(clap), "-c", "copy", str(tmp_path / "crop.mkv"))
    whole = clap.read_bytes() if format_name == MP4 else (tmp_path / "crop.mkv").read_bytes()
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 12)):
            if data:
                data[chance.randrange(len(data))] = chance.choice((0, 1, 8, 255, chance.randrange(256)))
        source = CountingFile(bytes(data))
        container_crop(source, format_name, 0)
        dolby_vision(source, format_name, 0)
        assert source.count < 200_000
    for filler in (
        b"\0\0\0\x08moov" * 100_000,
        b"\0\0\0\x08free" * 100_000,
        b"\x1a\x45\xdf\xa3\x80" * 100_000,
    ):
        source = CountingFile(filler)
        container_crop(source, format_name, 0)
        assert source.count < 200_000
    noise = CountingFile(os.urandom(100_000))
    assert container_crop(noise, format_name, 0) == Crop()


def record(profile: int, compatibility: int) -> bytes:
    """A Dolby Vision configuration record, version 1.0, level 6, with RPU and base layer."""
    bits = profile << 9 | 6 << 3 | 0b101
    return struct.pack(">BBHB", 1, 0, bits, compatibility << 4) + bytes(19)


@pytest.mark.parametrize(
    ("kind", "profile", "compatibility", "usable_base"),
    [
        (b"dvcC", 5, 0, False),
        (b"dvcC", 7, 6, True),
        (b"dvcC", 7, 0, True),
        (b"dvvC", 8, 1, True),
        (b"dvvC", 8, 2, True),
        (b"dvvC", 8, 4, True),
        (b"dvvC", 10, 0, False),
        (b"dvvC", 10, 1, True),
    ],
)
def test_dolby_vision_without_a_base_layer_for_all_is_refused(
    kind: bytes, profile: int, compatibility: int, usable_base: bool, clip: Clips, tmp_path: Path
) -> None:
    path = tmp_path / "dolby.mp4"
    path.write_bytes(with_box(clip("still.mp4").read_bytes(), kind, record(profile, compatibility)))
    expected = DolbyVision(profile, compatibility)
    with path.open("rb") as source:
        assert dolby_vision(source, MP4, 0) == expected
    told = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(path)], capture_output=True, text=True, check=False
    )
    assert f"profile: {profile}" in told.stderr
    ffmpeg("-i", str(path), "-c", "copy", "-strict", "unofficial", str(tmp_path / "dolby.mkv"))
    with (tmp_path / "dolby.mkv").open("rb") as source:
        assert dolby_vision(source, MKV, 0) == expected
    reason = refusal(expected)
    assert (reason is None) == usable_base
    assert reason is None or (f"profile {profile} " in reason and "\n" not in reason)


def test_a_dolby_sample_entry_without_a_record_is_refused(clip: Clips) -> None:
    data = clip("still.mp4").read_bytes()
    at = data.index(b"avc1", data.index(b"stsd"))
    found = dolby_vision(io.BytesIO(data[:at] + b"dvh1" + data[at + 4 :]), MP4, 0)
    assert found == DolbyVision(0, 0)
    assert refusal(found) is not None


def test_other_films_are_no_dolby_vision(clip: Clips) -> None:
    for name, format_name in (("closed.mp4", MP4), ("vp9.webm", MKV), ("offset.ts", "mpegts")):
        with clip(name).open("rb") as source:
            assert dolby_vision(source, format_name, 0) is None
    assert refusal(None) is None
