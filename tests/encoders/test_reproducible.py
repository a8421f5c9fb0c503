"""The same frames give the same bytes, whatever lay in the memory that an encoder is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from encoders.codecs import _assembly

#: Encodes a second of moving noise, and prints a digest of what comes out.
_PROGRAM = """
import hashlib, sys
from fractions import Fraction
import numpy as np
from av.video.frame import VideoFrame
from encoders.video import open_encoder
from gopfarm.plan import VideoRendition

width, height, preset = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rendition = VideoRendition("480p", "", width, height, "libx264", preset, 400_000, 428_000, 600_000)
encoder = open_encoder(rendition, Fraction(30))
scene = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
digest = hashlib.sha256()
for slot in range(30):
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    moved = np.roll(scene, (slot, 3 * slot), (0, 1))
    picture[: moved.shape[0], : moved.shape[1]] = moved
    frame = VideoFrame.from_ndarray(picture, "yuv420p")
    frame.pts, frame.time_base = slot, Fraction(1, 30)
    for packet in encoder.stream.encode(frame):
        digest.update(bytes(packet))
for packet in encoder.stream.encode(None):
    digest.update(bytes(packet))
print(digest.hexdigest())
"""


def encoded(width: int, height: int, preset: str, rubbish: int) -> str:
    """Encode where all memory that is handed out is full of a byte (mallopt(3), M_PERTURB)."""
    environment = {**os.environ, "MALLOC_PERTURB_": str(rubbish)}
    command = [sys.executable, "-c", _PROGRAM, str(width), str(height), preset]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(("width", "height"), [(852, 480), (426, 240)])
def test_x264_does_not_encode_what_it_finds_in_memory(width: int, height: int) -> None:
    digests = {encoded(width, height, "veryfast", rubbish) for rubbish in (1, 85, 170)}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("flags : fpu avx2 avx512f avx512vl", ":asm=avx2"),
        ("flags : fpu sse4_2 avx2", ""),
        ("Features : asimd", ""),
    ],
)
def test_only_a_core_with_avx512_is_told_to_do_without(tmp_path: Path, features: str, expected: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{features}\n")
    assert _assembly(tmp_path / "cpuinfo") == expected
    assert not _assembly(tmp_path / "none")
