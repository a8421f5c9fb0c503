"""What a worker reads of a source in object storage."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gopfarm.errors import SourceChangedError
from gopfarm.facts import SourceRef
from gopfarm.plan import Plan, Task
from gopfarm.results import TaskResult
from gopfarm.storage import open_destination, open_source
from gopfarm.storage.shared import SharedBlocks, shared_blocks
from tests.encoders.clips import Clips, plan_of
from worker.run import run_task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def film(s3: S3Client, clip: Clips) -> Film:
    """A film of some MB and its sound, in object storage."""
    bucket = f"films-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    path = clip("large.mp4")
    s3.put_object(Bucket=bucket, Key="film.mp4", Body=path.read_bytes())
    return Film(f"s3://{bucket}/film.mp4", plan_of(path, segment_seconds=2))


class Film:
    """A film and its plan, with tasks that read it from where it is."""

    def __init__(self, url: str, plan: Plan) -> None:
        with open_source(url) as source:
            self.ref: SourceRef = source.ref
        self.tasks = [replace(task, source=self.ref) for task in plan.tasks]

    def of_kind(self, kind: str) -> list[Task]:
        return [task for task in self.tasks if task.kind == kind]


def run(task: Task, folder: Path) -> TaskResult:
    return run_task(task, open_destination(str(folder)), (), None, 2, 60.0, lambda done: True)


def test_chunks_read_little_beyond_their_share_of_the_film(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few that neighbours cannot live on what the one before them has read.
    few = SharedBlocks(1 << 19)
    monkeypatch.setattr("gopfarm.storage.source.shared_blocks", lambda: few)
    results = [run(task, tmp_path) for task in film.of_kind("video")]
    assert len(results) == 3
    read = sum(result.source_bytes_read for result in results)
    assert 0.9 * film.ref.size < read < 1.15 * film.ref.size


def test_what_one_task_has_read_is_not_fetched_for_the_next_one(film: Film, tmp_path: Path) -> None:
    video, sound = film.of_kind("video"), film.of_kind("audio")
    first = [run(task, tmp_path).source_bytes_read for task in video]
    assert sum(first) + run(sound[0], tmp_path).source_bytes_read < 1.05 * film.ref.size
    assert run(video[0], tmp_path).source_bytes_read == 1, "to learn that the source is still the same"


def test_a_source_that_changed_fails_a_task_though_its_bytes_are_at_hand(
    film: Film, tmp_path: Path, s3: S3Client
) -> None:
    task = film.of_kind("video")[0]
    run(task, tmp_path)
    assert shared_blocks().size > 0
    bucket, key = film.ref.url.removeprefix("s3://").split("/")
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(film.ref.size))
    with pytest.raises(SourceChangedError):
        run(task, tmp_path)
