"""How much of a film planning reads: of a long one hardly more than its index."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, cast

from encoders.probe import probe
from gopfarm.facts import SourceRef
from gopfarm.storage.source import HEAD_BYTES, RangedSource
from tests.encoders.clips import Clips
from tests.encoders.conftest import clip

__all__ = ["clip"]

#: A hole in the file, so long that whatever follows it is far from the beginning.
HOLE = 3 << 30


def test_a_film_with_its_index_behind_gigabytes_is_planned_from_a_few_mebibytes(
    clip: Clips, tmp_path: Path
) -> None:
    whole = clip("large.mp4").read_bytes()
    at = whole.rindex(b"moov") - 4
    assert whole.index(b"mdat") < at
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.write(whole[:at] + struct.pack(">I4sQ", 1, b"free", HOLE))
        file.seek(HOLE - 16, 1)
        file.write(whole[at:])
        size = file.tell()
    with path.open("rb") as file:

        def fetch(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        ref = SourceRef("s3://bucket/film.mp4", size, "tag")
        source = RangedSource(ref, fetch, fetch(0, HEAD_BYTES))
        facts = probe(cast(BinaryIO, source), ref)
    assert facts.video is not None
    assert facts.video.frame_count == 150
    assert source.bytes_fetched < 8 << 20
