"""A stream that is watched while it is made: whole at every moment, and the same addresses to the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import m3u8
import pytest
import redis

from tests.farm.processes import ROOT, Farm, gopfarm, until
from tests.farm.streams import judge

SMALL = Path(__file__).parent / "small.yaml"


@dataclass
class Viewer:
    """Somebody who opens a destination's playlists again and again, and all that they name."""

    folder: Path
    versions: dict[str, list[str]] = field(default_factory=dict)

    def look(self) -> bool:
        """Look once; True if there is something to watch. All that is named must be there, and stay."""
        master = self.folder / "master.m3u8"
        try:
            addresses = [line for line in master.read_text().splitlines() if line.endswith("index.m3u8")]
        except FileNotFoundError:
            return False
        for address in addresses:
            self._look_at(address)
        return True

    def _look_at(self, address: str) -> None:
        path = self.folder / address
        text = path.read_text()
        playlist = m3u8.loads(text)
        for name in [*playlist.files]:
            assert (path.parent / name).stat().st_size > 0, name
        known = self.versions.setdefault(address, [])
        if not known or known[-1] != text:
            known.append(text)

    def judge(self) -> None:
        """Every version was the beginning of the next; EVENT first, VOD at last."""
        assert self.versions
        for texts in self.versions.values():
            assert len(texts) > 2, "it has grown"
            assert ["VOD" if "#EXT-X-ENDLIST" in text else "EVENT" for text in texts] == (
                ["EVENT"] * (len(texts) - 1) + ["VOD"]
            )
            as_event = [text.replace("TYPE:VOD", "TYPE:EVENT") for text in texts]
            assert all(after.startswith(before) for before, after in pairwise(as_event))


def test_a_progressive_stream_is_whole_at_every_moment_and_ends_as_any_other(
    clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stream"
    command = [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(folder), "--profile", str(SMALL)]
    command += ["--publish", "progressive", "--workers", "1", "--segment", "1", "--json"]
    viewer = Viewer(folder)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            viewer.look()
            time.sleep(0.02)
        assert process.stdout is not None
        assert '"first_playable_seconds": ' in process.stdout.read()
    assert process.returncode == 0
    assert viewer.look()
    viewer.judge()
    judge(folder, clip)


def test_a_progressive_job_that_is_interrupted_takes_back_what_it_has_shown(
    clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stream"
    command = [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(folder), "--profile", str(SMALL)]
    command += ["--publish", "progressive", "--workers", "1", "--segment", "1", "--preset", "veryslow"]
    viewer = Viewer(folder)
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: viewer.look() or process.poll() is not None, "the stream can be watched")
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "nothing stays published" in said
    assert not folder.exists()


@pytest.mark.slow
def test_a_stream_grows_on_when_its_scheduler_is_killed(
    farm: Farm, valkey: redis.Redis, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stream"
    submitted = farm.run(
        *("submit", clip, folder, "--profile", SMALL, "--publish", "progressive", "--segment", "1"),
        *("--preset", "veryslow"),
    )
    job, viewer = submitted.stdout.strip(), Viewer(folder)
    until(viewer.look, "the stream can be watched")
    scheduler = farm.processes.pop("scheduler")
    scheduler.kill()
    scheduler.wait()
    farm.start("scheduler", "scheduler", "--log-level", "debug")
    states = ("done", "failed", "cancelled")
    until(lambda: viewer.look() and farm.job(job).get("state") in states, "the job ends")
    assert farm.job(job)["state"] == "done"
    assert viewer.look()
    viewer.judge()
    events = farm.run("events", "--job", job).stdout
    assert events.count("job.playable") == 1


def test_cancelling_a_progressive_job_leaves_no_playlist_and_no_segment(
    farm: Farm, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stream"
    submitted = farm.run(
        *("submit", clip, folder, "--profile", SMALL, "--publish", "progressive", "--segment", "1"),
        *("--preset", "veryslow"),
    )
    job, viewer = submitted.stdout.strip(), Viewer(folder)
    until(viewer.look, "the stream can be watched")
    assert farm.job(job)["master"] == str(folder / "master.m3u8")
    assert farm.run("cancel", job).returncode == 0
    until(lambda: not folder.exists(), "what it has shown is removed")


@pytest.mark.slow
def test_a_stream_of_one_segment_is_told_as_playable_too(clip: Path, tmp_path: Path) -> None:
    done = gopfarm(
        *("transcode", clip, tmp_path / "s", "--profile", SMALL, "--publish", "progressive"),
        *("--segment", "20", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert '"first_playable_seconds": null' not in done.stdout
