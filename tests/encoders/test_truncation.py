"""Files that end before they say are refused; those that say nothing of their end are used."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from encoders.truncation import declared_size
from gopfarm.errors import SourceError
from tests.encoders.clips import Clips, look

DECLARING = ("closed.mkv", "old.avi", "sound.wav", "film.wmv", "film.mxf")


@pytest.mark.parametrize("name", DECLARING)
def test_a_file_that_is_cut_short_is_refused(name: str, clip: Clips, tmp_path: Path) -> None:
    whole = clip(name).read_bytes()
    look(clip(name))
    short = tmp_path / name
    short.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(SourceError, match=r"truncated: it ends after \d+ bytes"):
        look(short)


@pytest.mark.parametrize("name", ["offset.ts", "program.mpg", "flash.flv", "live.mkv"])
def test_what_is_there_is_used_where_the_container_is_made_to_be_cut(
    name: str, clip: Clips, tmp_path: Path
) -> None:
    whole = clip(name).read_bytes()
    short = tmp_path / name
    short.write_bytes(whole[: len(whole) * 2 // 3])
    video = look(short).video
    assert video is not None
    assert 60 < video.frame_count < 150


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_size_that_was_never_filled_in_says_nothing(size: int) -> None:
    assert declared_size(io.BytesIO(b"RIFF" + struct.pack("<I", size) + b"WAVEfmt ")) is None


def test_a_few_missing_bytes_of_padding_are_forgiven() -> None:
    head = b"RIFF" + struct.pack("<I", 1000) + b"WAVE"
    declared = declared_size(io.BytesIO(head))
    assert declared is not None
    assert 900 < declared < 1000
