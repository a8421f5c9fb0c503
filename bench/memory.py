"""Memory of a worker's slot: of the child that runs a task, and of its share in the worker process.

Runs one chunk from the middle of a film in a child, as a worker does, once with its largest rendition alone
and once with the whole standard ladder, at each preset; looks at the child many times a second. ``USS`` is
what only the child has, ``PSS`` adds its share of what the fork server and its children have in common, and
``RSS`` counts that in full, as ``job.json`` does. The film is the clip, so many times over that it lasts six
minutes or two hours, and is read as from object storage.

    python -m bench.memory CLIP [--presets veryfast,medium] [--lengths 360,7200] [--segments 2] [--json FILE]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from bench.films import looped, probed
from bench.object_store import BUCKET, ObjectStore
from bench.script import ROOT, options_of, report
from cli.embedded import PrivateValkey
from encoders.child import TASK
from gopfarm.child.limits import Limits
from gopfarm.child.parent import Child
from gopfarm.child.scratch import scratch_folder
from gopfarm.plan import VideoTask
from gopfarm.results import TaskResult
from gopfarm.serial import from_json, to_json
from gopfarm.settings import get_settings
from gopfarm.storage import open_source
from gopfarm.storage.blocks import BLOCK_BYTES, CACHE_BLOCKS
from gopfarm.storage.shared import SHARED_BYTES, shared_blocks
from gopfarm.store import Fleet, connect
from ladder import load_profile
from scheduler.load import Load
from scheduler.prepare import plan_source, probe_url
from worker.bounds import limits_of

_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class WorkerMemory:
    """What a worker has besides its children, in bytes: USS at rest, and how much of sources it may keep."""

    worker: int
    fork_server: int
    shared_blocks: int
    reader: int


@dataclass(frozen=True)
class Memory:
    """The most memory that a task's child had at any time, in bytes."""

    seconds: int
    preset: str
    renditions: int
    uss: int
    pss: int
    rss: int
    reported: int


def tasks_of(url: str, preset: str, segments: int) -> Iterator[VideoTask]:
    """Plan a film; return its middle chunk, for the largest rendition and for all of them."""
    profile = load_profile("standard").model_copy(update={"preset": preset})
    plan = plan_source(probe_url(url, get_settings()), profile, "libx264", Load(1))
    video = [task for task in plan.tasks if isinstance(task, VideoTask)]
    middle = video[len(video) // 2]
    for count in (1, len(middle.renditions)):
        yield replace(middle, renditions=middle.renditions[:count], segments=middle.segments[:segments])


def memory_of(task: VideoTask, seconds: int) -> Memory:
    """Run a task in a child; return the most memory it had."""
    uss = pss = rss = 0
    with (
        scratch_folder() as folder,
        open_source(task.source.url, expected=task.source) as source,
        Child(TASK, to_json(task), source, task.source.size, folder, limits_of(task, Limits.of())) as child,
    ):
        process = psutil.Process(child.pid)
        for event in child.events(_TICK_SECONDS):
            if isinstance(event, bytes):
                result = from_json(TaskResult, event)
                break
            try:
                found = process.memory_full_info()
            except psutil.NoSuchProcess:  # it has just ended, and its result comes next
                continue
            uss, pss, rss = max(uss, found.uss), max(pss, found.pss), max(rss, found.rss)
        else:
            raise AssertionError("a child ends with a result")
    preset = task.renditions[0].preset
    return Memory(seconds, preset, len(task.renditions), uss, pss, rss, result.peak_memory)


def worker_memory() -> WorkerMemory:
    """Start a worker and look at it once it has announced itself."""
    valkey = PrivateValkey()
    command = [sys.executable, "-m", "gopfarm", "worker", "--slots", "2"]
    worker = subprocess.Popen(
        command, env=os.environ | {"GOPFARM_REDIS_URL": valkey.url}, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        fleet, process = Fleet(connect(valkey.url)), psutil.Process(worker.pid)
        while not fleet.workers():
            time.sleep(_TICK_SECONDS)
        return WorkerMemory(
            worker=process.memory_full_info().uss,
            fork_server=sum(child.memory_full_info().uss for child in process.children()),
            shared_blocks=SHARED_BYTES,
            reader=CACHE_BLOCKS * BLOCK_BYTES,
        )
    finally:
        worker.terminate()
        worker.wait()
        valkey.stop()


def figures(clip: Path, presets: list[str], lengths: list[int], segments: int) -> dict[str, Any]:
    """Run everything; return plain data: ``children`` (see ``Memory``), and ``worker`` (``WorkerMemory``)."""
    length = probed(clip).duration
    found = []
    with tempfile.TemporaryDirectory(prefix="gopfarm-memory-") as name, ObjectStore(Path(name)) as store:
        os.environ.update(store.environment)
        for seconds in lengths:
            film = Path(name, f"{seconds}{clip.suffix}")
            looped(clip, film, max(1, round(seconds / length)))
            for preset in presets:
                for task in tasks_of(f"s3://{BUCKET}/{film.name}", preset, segments):
                    found.append(memory_of(task, seconds))
                    shared_blocks().clear()
            film.unlink()
    return {
        "worker": asdict(worker_memory()),
        "children": [asdict(memory) for memory in found],
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures for reading."""
    lines = [
        f"{'film':>6} {'preset':9} {'renditions':>10} {'USS':>5} {'PSS':>5} {'RSS':>5} {'job.json':>8}  MiB"
    ]
    for row in found["children"]:
        sizes = [row[name] / 2**20 for name in ("uss", "pss", "rss", "reported")]
        lines.append(
            f"{row['seconds']:5} s {row['preset']:9} {row['renditions']:10} "
            f"{sizes[0]:5.0f} {sizes[1]:5.0f} {sizes[2]:5.0f} {sizes[3]:8.0f}"
        )
    parent = {name: size / 2**20 for name, size in found["worker"].items()}
    lines.append(
        f"worker: {parent['worker']:.0f} MiB and fork server {parent['fork_server']:.0f} MiB at rest; "
        f"of sources at most {parent['shared_blocks']:.0f} MiB, and {parent['reader']:.0f} MiB a slot"
    )
    return "\n".join(lines)


def main() -> None:
    parser = options_of(__spec__.name, __doc__, "clip")
    parser.add_argument("--presets", default="veryfast,medium")
    parser.add_argument("--lengths", default="360,7200", help="seconds that the films last, about")
    parser.add_argument("--segments", type=int, default=2, help="segments of the chunk that are encoded")
    options = parser.parse_args()
    lengths = [int(part) for part in options.lengths.split(",")]
    found = figures(options.clip, options.presets.split(","), lengths, options.segments)
    report(found, table(found), options.json)


if __name__ == "__main__":
    main()
