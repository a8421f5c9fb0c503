from __future__ import annotations

import itertools
import threading
import time

import pytest

from gopfarm.child.parent import AbandonedError
from gopfarm.errors import ServiceError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage import Patience
from gopfarm.storage.blocks import BLOCK_BYTES
from gopfarm.storage.patience import SetupError
from gopfarm.storage.source import HEAD_BYTES, RangedSource


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gopfarm.storage.patience.FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("gopfarm.storage.patience.MOST_PAUSE_SECONDS", 0.05)


class Failing:
    """Fails some times, then gives the number of the attempt."""

    def __init__(self, times: float, error: Exception | None = None) -> None:
        self.times = times
        self.error = error or ServiceError("S3 at http://s3 keeps answering 503")
        self.attempts = 0

    def __call__(self) -> int:
        self.attempts += 1
        if self.attempts <= self.times:
            raise self.error
        return self.attempts


def test_a_passing_fault_is_tried_again() -> None:
    assert Patience(60).insist(Failing(5)) == 6


def test_patience_ends_and_says_what_was_wrong_and_for_how_long() -> None:
    failing = Failing(float("inf"))
    with pytest.raises(ServiceError, match=r"^S3 at http://s3 keeps answering 503, tried for 1 s$"):
        Patience(0.6).insist(failing)
    assert failing.attempts > 1


def test_the_clock_runs_from_the_first_failure_not_from_the_last_success() -> None:
    patience = Patience(0.2)
    for _ in range(3):
        time.sleep(0.15)
        assert patience.insist(Failing(2)) == 3


def test_an_attempt_that_itself_outlasts_the_patience_is_not_repeated() -> None:
    failing = Failing(1)

    def slow() -> int:
        time.sleep(0.05)
        return failing()

    with pytest.raises(ServiceError, match=r"503$"):
        Patience(0.01).insist(slow)


@pytest.mark.parametrize(
    "error", [SourceError("it changed"), SetupError("credentials are missing"), ValueError("a bug")]
)
def test_what_waiting_cannot_help_is_raised_at_once(error: Exception) -> None:
    failing = Failing(1, error)
    with pytest.raises(type(error), match=str(error)):
        Patience(60).insist(failing)
    assert failing.attempts == 1


def test_a_wait_ends_when_nobody_wants_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gopfarm.storage.patience.pauses", lambda first, most: itertools.repeat(3600.0))
    stopped = threading.Event()
    threading.Timer(0.1, stopped.set).start()
    with pytest.raises(AbandonedError):
        Patience(7200, stopped.is_set).insist(Failing(1))


def test_a_source_reads_on_after_faults() -> None:
    faults = Failing(3)

    def fetch(start: int, length: int) -> bytes:
        faults()
        return bytes([1]) * length

    source = RangedSource(
        SourceRef("s3://b/k", 2 * HEAD_BYTES, "e"), fetch, bytes(HEAD_BYTES), patience=Patience(60)
    )
    source.seek(HEAD_BYTES - 10)
    assert source.read(20) == bytes(10) + bytes([1]) * 10
    assert source.bytes_fetched == HEAD_BYTES + 2 * BLOCK_BYTES
