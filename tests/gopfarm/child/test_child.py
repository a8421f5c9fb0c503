from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from gopfarm.child import forking, forkserver, parent, serving
from gopfarm.child.forkserver import ENVIRONMENT, fork_server
from gopfarm.child.limits import Limits
from gopfarm.child.parent import Child, ChildDiedError, ChildEvent, run_in_child
from gopfarm.errors import ERRORS_BY_KIND, FarmError, ServiceError
from gopfarm.metrics.labels import CHILD_END

TARGETS = "tests.gopfarm.child.targets"
DATA = random.Random(1).randbytes(300_000)


@pytest.fixture(autouse=True)
def _leave_no_process_behind() -> Iterator[None]:
    fork_server().layers()  # it lives for as long as this process
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


def run(
    target: str, request: bytes = b"", source: serving.Source | None = None, limit_seconds: float = 20
) -> bytes:
    return run_in_child(f"{TARGETS}:{target}", request, source or io.BytesIO(DATA), len(DATA), limit_seconds)


# What goes well.


def test_a_child_gets_a_request_and_a_scratch_folder_that_is_gone_afterwards() -> None:
    facts = json.loads(run("facts", b"a request"))
    assert facts["request"] == "a request"
    assert not Path(facts["scratch"]).exists()


def test_a_child_inherits_no_secret_and_no_open_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "GOPFARM_REDIS_URL",
        "GOPFARM_WEBHOOK_SECRET",
        "HOME",
    ):
        monkeypatch.setenv(name, "hush")
    with Path("/dev/null").open() as other:
        os.set_inheritable(other.fileno(), True)
        facts = json.loads(run("facts"))
    names = set(facts["environment"]) - {"LC_CTYPE"}  # which Python itself may set
    assert names <= set(ENVIRONMENT) | set(forkserver._ONE_THREAD)
    assert not [name for name in names if name.startswith(("AWS_", "GOPFARM_", "HOME"))]
    assert facts["descriptors"] == [0, 1, 2, 3], "its standard streams and the connection"


def test_events_come_in_order_and_before_the_result(tmp_path: Path) -> None:
    with Child(f"{TARGETS}:count", b"3", io.BytesIO(b""), 0, tmp_path) as child:
        events = [event for event in child.events(5.0) if event is not None]
    assert events == [
        *(ChildEvent("number", number) for number in range(3)),
        ChildEvent("more", {"deep": [1, None]}),
        b"done",
    ]


class Served(io.BytesIO):
    """A source without a descriptor that gives less than it is asked for, as a network does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 1009) if size and size > 0 else 1009)


PIECES = [[0, 0, 300_000], [0, 299_990, 100], [2, -10, 10], [0, 17, 4096], [1, 100, 70_000], [2, 0, 5]]


def test_a_served_source_gives_the_same_bytes_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    with path.open("rb", buffering=0) as file:
        from_file = json.loads(run("digest", json.dumps(PIECES).encode(), file))
    assert from_file[0] == [300_000, hashlib.sha256(DATA).hexdigest()]
    assert json.loads(run("digest", json.dumps(PIECES).encode(), Served(DATA))) == from_file


def test_a_child_is_sent_a_bounded_piece_however_much_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_READ", 70_000)
    assert run("read_a_lot") == b"70000"
    digests = json.loads(run("digest", b"[[0, 0, 300000]]"))
    assert digests == [[300_000, hashlib.sha256(DATA).hexdigest()]], "it asks again for the rest"


# What goes wrong, and is explained.


@pytest.mark.parametrize("kind", ERRORS_BY_KIND)
def test_an_explained_error_reaches_the_parent_as_it_was(kind: str) -> None:
    with pytest.raises(FarmError) as caught:
        run("explain", json.dumps([kind, "film.mp4: why, in Grüßen"]).encode())
    assert type(caught.value) is ERRORS_BY_KIND[kind]
    assert str(caught.value) == "film.mp4: why, in Grüßen"


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ServiceError("storage is gone")


def test_a_fault_of_storage_is_not_blamed_on_the_child() -> None:
    with pytest.raises(ServiceError, match="storage is gone"):
        run("digest", b"[[0, 0, 10]]", Broken(b"x"))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("abort", "was killed by SIGABRT"),
        ("leave", "ended with code 7$"),
        ("stumble", "ended with code 1; it last said: ZeroDivisionError: a bug in the child$"),
        ("no_such_target", "ended with code 1; it last said: AttributeError"),
    ],
)
def test_a_child_that_ends_without_a_result_costs_an_attempt_and_says_how(target: str, reason: str) -> None:
    with pytest.raises(ChildDiedError, match=f"the encoding process {reason}") as caught:
        run(target)
    assert caught.value.kind == "encode"
    assert "\n" not in str(caught.value)


def test_what_a_child_prints_does_not_get_in_the_way_of_its_result() -> None:
    assert run("chatter") == b"result"


def test_the_last_words_of_a_dead_child_are_logged_and_the_last_line_is_quoted() -> None:
    with capture_logs() as logs, pytest.raises(ChildDiedError, match=r"code 3; it last said: last words$"):
        run("chatter_and_leave")
    (entry,) = [entry for entry in logs if entry["event"] == "last words of a child"]
    assert "last words" in entry["lines"][-1]
    assert len(str(entry)) < 5000


@pytest.mark.parametrize(
    "nonsense",
    [
        "ff00000000",  # a kind that does not exist
        "04ffffffff",  # a body of four gigabytes
        "0400000000",  # an event that is no JSON
        "04000000027b7d",  # an event that is no pair
        "0600000003313233",  # an error that is no pair
        "030000000178",  # a range that is too short
    ],
)
def test_a_child_that_talks_nonsense_is_taken_for_dead(
    nonsense: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "_GOODBYE_SECONDS", 0.05)
    with pytest.raises(ChildDiedError, match="stopped answering"):
        run("say", nonsense.encode())


def test_a_child_that_stops_in_the_middle_of_a_frame_is_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forking, "_PATIENCE_SECONDS", 0.5)
    with pytest.raises(ChildDiedError, match="stopped answering"):
        run("say", b"0400000010")


def test_a_child_that_hangs_up_but_lives_is_ended() -> None:
    with pytest.raises(ChildDiedError, match="stopped answering"):
        run("hang_up")


@pytest.mark.parametrize("target", ["hang", "read_for_ever"])
def test_a_child_that_is_never_done_is_ended_at_the_limit(target: str) -> None:
    with pytest.raises(TimeoutError):
        run(target, limit_seconds=1)


def test_the_parent_hears_regularly_that_there_is_nothing_to_hear(tmp_path: Path) -> None:
    with Child(f"{TARGETS}:read_for_ever", b"", io.BytesIO(DATA), len(DATA), tmp_path) as child:
        events = child.events(0.05)
        assert [next(events) for _ in range(5)] == [None] * 5


# Ending.


def test_a_child_is_ended_when_nobody_listens_any_more(tmp_path: Path) -> None:
    with Child(f"{TARGETS}:hang", b"", io.BytesIO(b""), 0, tmp_path) as child:
        event = next(event for event in child.events(5.0) if event is not None)
    assert isinstance(event, ChildEvent)
    assert_gone([event.value])


PARENT = f"""
import io, sys
from pathlib import Path
from gopfarm.child.parent import Child
with Child("{TARGETS}:hang", b"", io.BytesIO(b""), 0, Path(sys.argv[1])) as child:
    for event in child.events(1.0):
        if event is not None:
            print(event.value, flush=True)
"""


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        family = [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
        assert child in family
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_gone(family)


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        alive = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        if not alive:
            return
        time.sleep(0.02)
    pytest.fail(f"still alive: {alive}")


def test_children_that_end_and_are_let_go_all_at_once_are_told_apart() -> None:
    servers = {child.pid for child in psutil.Process().children()}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: run("echo", str(number).encode()), range(300)))
    assert answers == [str(number).encode() for number in range(300)]
    assert {child.pid for child in psutil.Process().children()} == servers, "the fork server lives"


# What metrics tell of it.


def ends() -> dict[str, float]:
    name, ways = "gopfarm_children_ended_total", CHILD_END.values
    return {how: REGISTRY.get_sample_value(name, {"how": how}) or 0.0 for how in ways}


@pytest.mark.parametrize(
    ("target", "request_", "how"),
    [
        ("echo", b"1", "ok"),
        ("explain", b'["source", "no film"]', "error"),
        ("abort", b"", "crashed"),
        ("leave", b"", "crashed"),
        ("fill_shared_memory", b"", "killed_memory"),
        ("fill_disk", b"", "killed_output"),
        ("hang", b"", "stalled"),
    ],
)
def test_each_child_is_counted_once_by_how_it_ended(target: str, request_: bytes, how: str) -> None:
    before = ends()
    module = "tests.gopfarm.child.attacks" if target.startswith("fill_") else TARGETS
    limits = Limits(memory_bytes=300 << 20, output_bytes=8 << 20)
    with contextlib.suppress(FarmError, TimeoutError):
        run_in_child(
            f"{module}:{target}",
            request_,
            io.BytesIO(DATA),
            len(DATA),
            1.0 if target == "hang" else 20.0,
            limits=limits,
        )
    assert {name: count - before[name] for name, count in ends().items() if count != before[name]} == {how: 1}


def test_the_processor_time_of_children_is_counted_by_how_they_ended() -> None:
    def used(how: str) -> float:
        return REGISTRY.get_sample_value("gopfarm_child_cpu_seconds_total", {"how": how}) or 0.0

    before = {how: used(how) for how in ("ok", "stalled")}
    run("work", b"0.3")
    assert 0.3 <= used("ok") - before["ok"] < 2
    with pytest.raises(TimeoutError):
        run_in_child(f"{TARGETS}:work", b"60", io.BytesIO(DATA), len(DATA), limit_seconds=1.0)
    assert used("stalled") - before["stalled"] > 0.1


def test_a_child_that_nobody_wants_any_more_is_told_apart(tmp_path: Path) -> None:
    before = ends()["abandoned"]
    with Child(f"{TARGETS}:hang", b"", io.BytesIO(b""), 0, tmp_path):
        pass
    assert ends()["abandoned"] == before + 1
