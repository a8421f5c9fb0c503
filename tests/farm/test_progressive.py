"""A stream that is watched while it is made: whole at every moment, and the same addresses to the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import m3u8
import pytest

from tests.farm.processes import ROOT, Farm, gopfarm, until
from tests.farm.streams import judge
from tests.farm.watched import WatchedBucket, watched_bucket

SMALL = Path(__file__).parent / "small.yaml"


def as_it_grows(bucket: WatchedBucket, key: str) -> bool:
    """Hold back what comes after the third, and after the sixth segment, until viewers see more than before.

    So the stream must grow, however fast it is encoded.
    """
    return len(bucket.versions(f"{key.rpartition('/')[0]}/index.m3u8")) >= number_of(key) // 3


def only_its_beginning(bucket: WatchedBucket, key: str) -> bool:
    """Hold back what comes after the third segment."""
    return number_of(key) < 3


def number_of(key: str) -> int:
    """Return the number of a segment of the picture; 0 for all else."""
    folder, _, name = key.rpartition("/")
    return int(name.removesuffix(".m4s")) if name[0].isdigit() and not folder.startswith("audio") else 0


def judge_growth(bucket: WatchedBucket) -> None:
    """Whatever was visible at any moment named only what was there, and was the beginning of what came."""
    assert not bucket.late, "the stream did not grow"
    there: set[str] = set()
    playlists: dict[str, list[str]] = {}
    for stored in bucket.log:
        if stored.key.endswith(".m3u8"):
            found = bucket.read(stored)
            text = found["Body"].read().decode()
            place = stored.key.rpartition("/")[0]
            assert {f"{place}/{name}".lstrip("/") for name in named(text)} <= there
            versions = playlists.setdefault(stored.key, [])
            if versions[-1:] != [text]:  # a step that is done again writes the same once more
                versions.append(text)
            grows = "EVENT" in text or "#EXT-X-START" in text
            assert found["CacheControl"] == f"public, max-age={2 if grows else 60}"
        there.add(stored.key)
    first, last = playlists.pop("master.m3u8")
    assert "#EXT-X-START:TIME-OFFSET=0" in first
    assert "#EXT-X-START" not in last
    assert set(playlists) == named(last)
    for texts in playlists.values():
        assert len(texts) > 2, "it has grown"
        assert ["VOD" if "#EXT-X-ENDLIST" in text else "EVENT" for text in texts] == (
            ["EVENT"] * (len(texts) - 1) + ["VOD"]
        )
        as_event = [text.replace("TYPE:VOD", "TYPE:EVENT") for text in texts]
        assert all(after.startswith(before) and after != before for before, after in pairwise(as_event))


def named(text: str) -> set[str]:
    """Return what a playlist names."""
    playlist = m3u8.loads(text)
    names = {*playlist.files, *(one.uri for one in (*playlist.playlists, *playlist.media))}
    return {name for name in names if name}


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> Iterator[WatchedBucket]:
    """A bucket that holds back what comes too early. Ask for it before ``farm``, which is to use it."""
    with watched_bucket(s3, getattr(request, "param", as_it_grows)) as bucket:
        yield bucket


def test_a_progressive_stream_is_whole_at_every_moment_and_ends_as_any_other(
    bucket: WatchedBucket, clip: Path, tmp_path: Path
) -> None:
    done = gopfarm(
        *("transcode", clip, bucket.url, "--profile", SMALL, "--publish", "progressive"),
        *("--workers", "1", "--segment", "1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["first_playable_seconds"] > 0
    judge_growth(bucket)
    bucket.download(tmp_path / "stream")
    judge(tmp_path / "stream", clip)


def test_a_progressive_job_that_is_interrupted_takes_back_what_it_has_shown(
    clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stream"
    command = [sys.executable, "-m", "gopfarm", "transcode", str(clip), str(folder), "--profile", str(SMALL)]
    command += ["--publish", "progressive", "--workers", "1", "--segment", "1", "--preset", "veryslow"]
    master = folder / "master.m3u8"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: master.exists() or process.poll() is not None, "the stream can be watched")
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "nothing stays published" in said
    assert not folder.exists()


@pytest.mark.slow
def test_a_stream_grows_on_when_its_scheduler_is_killed(
    bucket: WatchedBucket, farm: Farm, clip: Path
) -> None:
    submitted = farm.run(
        *("submit", clip, bucket.url, "--profile", SMALL, "--publish", "progressive", "--segment", "1")
    )
    job = submitted.stdout.strip()
    until(lambda: bucket.versions("master.m3u8"), "the stream can be watched")
    scheduler = farm.processes.pop("scheduler")
    scheduler.kill()
    scheduler.wait()
    farm.start("scheduler", "scheduler", "--log-level", "debug")
    assert farm.ended(job)["state"] == "done"
    judge_growth(bucket)
    events = farm.run("events", "--job", job).stdout
    assert events.count("job.playable") == 1


@pytest.mark.parametrize("bucket", [only_its_beginning], indirect=True)
def test_cancelling_a_progressive_job_leaves_no_playlist_and_no_segment(
    bucket: WatchedBucket, farm: Farm, clip: Path
) -> None:
    submitted = farm.run(
        *("submit", clip, bucket.url, "--profile", SMALL, "--publish", "progressive", "--segment", "1")
    )
    job = submitted.stdout.strip()
    until(lambda: bucket.versions("master.m3u8"), "the stream can be watched")
    assert farm.job(job)["master"] == f"{bucket.url}/master.m3u8"
    assert farm.run("cancel", job).returncode == 0
    bucket.release()
    until(lambda: not bucket.objects(), "what it has shown is removed, and what was stored later")


@pytest.mark.slow
def test_a_stream_of_one_segment_is_told_as_playable_too(clip: Path, tmp_path: Path) -> None:
    done = gopfarm(
        *("transcode", clip, tmp_path / "s", "--profile", SMALL, "--publish", "progressive"),
        *("--segment", "20", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert '"first_playable_seconds": null' not in done.stdout
