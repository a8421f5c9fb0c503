"""Runs the product as a user does, and the checks that go with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.hostile.decoding import beeps, pictures, sound
from tests.hostile.hearing import beep_faults
from tests.hostile.numbered import read
from tests.hostile.sources import Recipe
from tests.hostile.verdict import Published, Verdict

ROOT = Path(__file__).parents[2]
LADDER = Path(__file__).parent / "ladder.yaml"

_TIMEOUT = 240


def publish(source: Path, folder: Path, product: Path = ROOT) -> Published:
    """Transcode a source with ``gopfarm transcode``."""
    if folder.exists():
        shutil.rmtree(folder)
    command = [sys.executable, "-m", "gopfarm", "transcode", str(source), str(folder)]
    command += ["--preset", "ultrafast", "--profile", str(LADDER)]
    try:
        done = subprocess.run(command, cwd=product, capture_output=True, check=False, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return Published(-1, f"it did not end within {_TIMEOUT} s", folder)
    return Published(done.returncode, done.stderr.decode(errors="replace"), folder)


def second_opinion(script: Path, folder: Path, source: Path) -> list[str]:
    """What another judge says of a published stream."""
    command = [sys.executable, str(script), str(folder / "master.m3u8"), str(source)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT)
    try:
        said = json.loads(done.stdout)
    except json.JSONDecodeError:
        return [f"streamcheck failed: {done.stderr.decode(errors='replace')[-200:]}"]
    return [f"streamcheck: {fault}" for fault in said["faults"]]


def self_check(recipe: Recipe, source: Path) -> Verdict:
    """Compare what is expected with what the ffmpeg binary decodes of the source: is the recipe right?"""
    verdict = Verdict()
    expected = recipe.expected
    if expected.verdict == "refuse" or source.is_dir():
        return verdict
    origin = 0.0
    if expected.pictures in ("every", "slots"):
        size = (320, 180) if expected.size is None or expected.size[0] > expected.size[1] else (180, 320)
        seen = pictures(source, pixels="gray", size=size)
        origin = min(seen.times, default=0.0)
        numbers = [read(luma) for luma in seen.planes[0]]
        wanted = [number for number, _ in expected.shown]
        if numbers != wanted:
            at = next((i for i, (a, b) in enumerate(zip(numbers, wanted, strict=False)) if a != b), -1)
            verdict.faults.append(
                f"{len(numbers)} frames instead of {len(wanted)}, "
                f"from {at} on {numbers[at : at + 6]} instead of {wanted[at : at + 6]}"
            )
        else:
            off = max(
                (abs(a - origin - float(b)) for a, (_, b) in zip(seen.times, expected.shown, strict=True)),
                default=0,
            )
            if off > 0.003:
                verdict.faults.append(f"times are off by {off:.4f} s")
    for at, track in enumerate(expected.tracks or ()):
        heard = sound(source, at)
        found = beeps(heard) if heard else []
        verdict.faults += [f"sound {at}: {fault}" for fault in beep_faults(track, found, origin)]
    return verdict
