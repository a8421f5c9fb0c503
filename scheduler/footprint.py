"""What a film takes of a farm, before it is there: slots, memory, disk, network, requests, storage. Pure.

Slot time is that of the cost model, for a plan of the shape that a busy farm chooses: long chunks, and all
renditions of one from a single decode. What no model knows is measured, see ``docs/benchmarks.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from gopfarm.facts import SourceFacts
from gopfarm.plan import AudioTask, Plan, SubtitleTask, Task, VideoTask, renditions_of
from gopfarm.profile import Profile
from scheduler.cost import estimate, expected_seconds
from scheduler.dispatch import queue_of
from scheduler.outlook import HANDOVER_SECONDS
from scheduler.planner import make_plan
from scheduler.shape import Shape

MIB = 1 << 20

#: Memory of the process of a task at its height: itself, each encoder, and each pixel that is encoded. Fitted
#: to what was measured at preset medium (``bench.memory``): 318 MiB for 1080p alone, 670 for the standard
#: ladder, 1840 for that of ``uhd`` in 2160p; the size of the source changes next to nothing.
_TASK_BYTES, _ENCODER_BYTES, _PIXEL_BYTES = 68 * MIB, 72 * MIB, 90

#: What the worker itself keeps of the source for each slot, besides (``gopfarm.storage.blocks``).
_READER_BYTES = 8 * MIB

#: What a worker wants to find free for each slot before it takes a task (``worker.room``).
_FREE_SCRATCH_BYTES = 64 * MIB

#: Bytes read for each pass over a source and byte of it (``bench.reads``, the worst container).
_READ_SHARE = 1.17

#: Bytes of a long request, and requests to open a source: its head, its index, the first pictures.
_REQUEST_BYTES, _REQUESTS_TO_OPEN = 4 * MIB, 6

#: Requests to plan a film (``bench.reads``), and of other kinds than PUT that a job makes at its destination:
#: looking what is there, and whether all is there at the end.
_PLANNING_REQUESTS, _OTHER_REQUESTS = 60, 6

#: Seconds to probe, plan and publish a film: some, and so many more for each second of it (``bench.reads``).
_STEPS_SECONDS, _STEPS_SHARE = 3.0, 0.001


@dataclass(frozen=True)
class Footprint:
    """What one film takes.

    Attributes:
        seconds: How long it plays.
        tasks: How many tasks it becomes.
        steps_seconds: Of a scheduler's hand, in which no task of it runs: probing, planning, publishing.
        slot_seconds: That slots are busy with it, by queue.
        longest_seconds: Of its longest task, by queue: no farm has done with it sooner.
        read_bytes: That come from its source, all passes together.
        stored_bytes: That are published.
        writes: Requests to S3 that write or list.
        reads: Requests to S3 that read.
        slot_memory_bytes: That a slot needs.
        slot_scratch_bytes: That a slot needs while storage is away: a whole task waits there for upload.
    """

    seconds: float
    tasks: int
    steps_seconds: float
    slot_seconds: Mapping[str, float]
    longest_seconds: Mapping[str, float]
    read_bytes: int
    stored_bytes: int
    writes: int
    reads: int
    slot_memory_bytes: int
    slot_scratch_bytes: int


def footprint(facts: SourceFacts, profile: Profile, encoder: str) -> Footprint:
    """Return what a film takes on slots of the reference machine.

    Args:
        facts: What it is, probed or imagined.
        profile: What it becomes.
        encoder: libavcodec's name of the video encoder.
    """
    plan = make_plan(facts, profile, encoder, "footprint", Shape())
    slot_seconds: dict[str, float] = {}
    longest: dict[str, float] = {}
    for task in plan.tasks:
        queue, seconds = queue_of(task), expected_seconds(task, facts) + HANDOVER_SECONDS
        slot_seconds[queue] = slot_seconds.get(queue, 0.0) + seconds
        longest[queue] = max(longest.get(queue, 0.0), seconds)
    passes = sum(not isinstance(task, VideoTask) for task in plan.tasks) + (facts.video is not None)
    read_bytes = round(facts.source.size * passes * _READ_SHARE)
    return Footprint(
        seconds=float(facts.duration),
        tasks=len(plan.tasks),
        steps_seconds=_STEPS_SECONDS + float(facts.duration) * _STEPS_SHARE,
        slot_seconds=slot_seconds,
        longest_seconds=longest,
        read_bytes=read_bytes,
        stored_bytes=estimate(plan).stored_bytes,
        writes=_files(plan) + len(plan.tasks) + _OTHER_REQUESTS,
        reads=ceil(read_bytes / _REQUEST_BYTES) + _REQUESTS_TO_OPEN * len(plan.tasks) + _PLANNING_REQUESTS,
        slot_memory_bytes=_memory(plan) + _READER_BYTES,
        slot_scratch_bytes=_FREE_SCRATCH_BYTES + max(_most_bytes(task, plan) for task in plan.tasks),
    )


def _files(plan: Plan) -> int:
    """Return how many files are published: segments, their heads, playlists, manifest and report."""
    segments = sum(len(renditions_of(task)) * len(task.segments) for task in plan.tasks)
    return segments + 2 * len(plan.renditions) + 3


def _memory(plan: Plan) -> int:
    encoded = sum(one.width * one.height for one in plan.video)
    return _TASK_BYTES + max(1, len(plan.video)) * _ENCODER_BYTES + encoded * _PIXEL_BYTES


def _most_bytes(task: Task, plan: Plan) -> int:
    """Return the bytes of all segments of a task, at the highest rate that its encoders keep to."""
    if isinstance(task, SubtitleTask):
        return 0
    if isinstance(task, AudioTask):
        seconds = (task.segments[-1].end - task.segments[0].start) / task.rendition.sample_rate
        return round(seconds * task.rendition.bitrate / 8)
    seconds = float((task.end - task.start) / plan.grid_rate)
    return round(sum(one.maxrate * seconds + one.bufsize for one in task.renditions) / 8)
