"""Of a transport stream with several programmes, one becomes the film."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders.programs import foreign_pids
from tests.encoders.clips import Clips, ffmpeg, look


@pytest.fixture
def two_programmes(clip: Clips, tmp_path: Path) -> bytes:
    """A transport stream of two programmes, the second one a small picture with its own sound."""
    path = tmp_path / "two.ts"
    ffmpeg(
        *("-i", str(clip("closed.mp4")), "-i", str(clip("closed.mp4"))),
        *("-map", "0:v", "-map", "0:a", "-map", "1:v", "-map", "1:a", "-c:a", "copy", "-c:v:0", "copy"),
        *("-c:v:1", "libx264", "-preset:v:1", "ultrafast", "-filter:v:1", "scale=80:48"),
        *("-program", "title=one:st=0:st=1", "-program", "title=two:st=2:st=3", str(path)),
    )
    return path.read_bytes()


@pytest.mark.parametrize("before", [0, 4], ids=["188 bytes", "192 bytes, as M2TS has them"])
def test_only_the_sound_of_the_picture_is_taken(before: int, two_programmes: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.ts"
    packets = (two_programmes[at : at + 188] for at in range(0, len(two_programmes), 188))
    path.write_bytes(b"".join(bytes(before) + packet for packet in packets))
    facts = look(path)
    assert facts.video is not None
    assert (facts.video.width, facts.video.stream) == (160, 0)
    assert [track.stream for track in facts.audio] == [1]
    assert [(left.stream, left.reason) for left in facts.ignored] == [(3, "it belongs to another programme")]


def test_one_programme_keeps_all_its_sound(clip: Clips) -> None:
    facts = look(clip("offset.ts"))
    assert len(facts.audio) == 1
    assert facts.ignored == ()


def test_bytes_that_are_no_transport_stream_have_no_strangers(clip: Clips) -> None:
    for name in ("closed.mp4", "program.mpg"):
        with clip(name).open("rb") as source:
            assert foreign_pids(source, 256) == frozenset()
