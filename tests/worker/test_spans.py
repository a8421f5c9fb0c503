"""What a worker records of the runs of tasks, as it arrives at a collector."""

from __future__ import annotations

import time
from pathlib import Path

import dramatiq
import pytest

from gopfarm import tracing
from gopfarm.child.parent import AbandonedError
from gopfarm.errors import DestinationError, EncodeError, FarmError
from gopfarm.plan import VideoTask
from gopfarm.storage import Destination, open_destination
from gopfarm.store import TWIN, Finish, GivenBack, StartedTask
from gopfarm.tracing import JobTrace, TraceContext
from tests.collector import Collector
from tests.gopfarm.store.jobs import PLAN
from tests.worker.test_run import task
from worker.run import run_task
from worker.spans import note_finished, note_given_back, running

__all__ = ["task"]

TRACE = JobTrace("j", "school", TraceContext("0af7651916cd43dd8448eb211c80319c", sampled=True))

STARTED = StartedTask(next(one for one in PLAN.tasks if isinstance(one, VideoTask)), 2, TRACE)

WAITED_SECONDS = 3.0


def sent() -> dramatiq.Message[None]:
    message: dramatiq.Message[None] = dramatiq.Message("encode.cpu", "encode", (), {}, {}, "m")
    return message.copy(message_timestamp=int((time.time() - WAITED_SECONDS) * 1000))


def test_a_run_tells_how_long_it_waited_and_what_it_is(collector: Collector) -> None:
    with tracing.about(TRACE), running(STARTED, STARTED.task.id + TWIN, sent(), "w1"):
        note_finished(Finish.DUPLICATE)
    tracing.shut_down()
    wait, run = collector.spans
    assert (wait.name, run.name, wait.parent) == ("task wait", "task run", run.parent)
    assert wait.end - wait.start >= WAITED_SECONDS - 0.001
    assert {
        "gopfarm.task.id": STARTED.task.id,
        "gopfarm.task.twin": True,
        "gopfarm.task.attempt": 2,
        "gopfarm.task.outcome": "duplicate",
        "gopfarm.worker": "w1",
        "messaging.message.id": "m",
    }.items() <= run.attributes.items()


@pytest.mark.parametrize(
    ("error", "failed"), [(EncodeError("no frame"), True), (DestinationError("full"), True), (None, False)]
)
def test_a_run_that_is_given_back_says_why(
    error: FarmError | None, failed: bool, collector: Collector
) -> None:
    with tracing.about(TRACE), running(STARTED, STARTED.task.id, None, "w1"):
        note_given_back(error, GivenBack.RETRY)
    tracing.shut_down()
    (run,) = collector.spans
    assert run.failed == failed
    assert run.attributes.get("error.type") == (error.kind if error else None)
    assert (run.attributes["gopfarm.task.outcome"], run.attributes["gopfarm.task.next"]) == (
        "given back",
        "retry",
    )


def encode(task: VideoTask, destination: Destination, wanted: bool = True) -> None:
    with tracing.about(TRACE):
        run_task(task, destination, (), None, 2, 60.0, lambda done: wanted)


def test_encoding_and_uploads_are_told_apart(task: VideoTask, tmp_path: Path, collector: Collector) -> None:
    encode(task, open_destination(str(tmp_path / "out")))
    tracing.shut_down()
    spans = {span.name: span for span in collector.spans}
    stored = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert set(spans) == {"encode", "upload"}
    assert spans["upload"].attributes["gopfarm.upload.files"] == len(stored)
    assert spans["upload"].attributes["gopfarm.upload.bytes"] == sum(path.stat().st_size for path in stored)
    frames = sum(segment.length for segment in task.segments)
    assert spans["encode"].attributes["gopfarm.frames_decoded"] >= frames
    assert spans["encode"].attributes["gopfarm.decode_seconds"] > 0


def test_an_encoding_that_nobody_wants_any_more_has_not_failed(
    task: VideoTask, tmp_path: Path, collector: Collector
) -> None:
    with pytest.raises(AbandonedError):
        encode(task, open_destination(str(tmp_path / "out")), wanted=False)
    tracing.shut_down()
    assert [(span.name, span.failed) for span in collector.spans] == [("encode", False)]


def test_an_upload_that_fails_says_so(task: VideoTask, tmp_path: Path, collector: Collector) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(DestinationError):
        encode(task, open_destination(str(tmp_path / "out")))
    tracing.shut_down()
    failed = {span.name: span.attributes["error.type"] for span in collector.spans if span.failed}
    assert failed["upload"] == "destination"
