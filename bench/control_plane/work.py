"""What is to be done: films of a given number of chunks, and what a worker delivers for a chunk."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from bench.films import described
from gopfarm.facts import SourceFacts
from gopfarm.plan import Rendition, SegmentPlan, Task, renditions_of
from gopfarm.results import RenditionResult, SegmentResult, TaskResult
from gopfarm.spec import JobSpec
from ladder import load_profile
from scheduler.cost import expected_seconds
from scheduler.planner import make_plan
from scheduler.shape import CHUNK_SECONDS, Shape

#: A source's address says how many chunks it is cut into.
_ADDRESS = "s3://films/{job}-of-{chunks}-chunks.mp4"

_RATE = Fraction(25)

#: Seconds between the keyframes of a source, and its bytes for each second.
_GOP_SECONDS = 2
_BYTES_PER_SECOND = 750_000

#: Seconds that the chunks of a film of 363 s (1080p30, standard ladder, two slots) took, each against the
#: mean. Slots draw from these; the chunk that was the last, and had the machine for itself, is among them.
MEASURED = (0.51, 0.95, 0.95, 0.97, 1.01, 1.04, 1.04, 1.09, 1.10, 1.14, 1.19)


def spec_of(job: int, chunks: int, tenant: str, priority: int = 5) -> JobSpec:
    """Return the submission of a film."""
    return JobSpec(
        source=_ADDRESS.format(job=job, chunks=chunks),
        destination=f"s3://streams/{job}",
        tenant=tenant,
        priority=priority,
    )


@lru_cache(maxsize=64)
def _facts(chunks: int) -> SourceFacts:
    frames = int(chunks * CHUNK_SECONDS[0] * _RATE)
    return described(frames, _RATE, _GOP_SECONDS, _BYTES_PER_SECOND, f"digest-{chunks}")


def facts_of(url: str) -> SourceFacts:
    """Return what probing a film would find."""
    known = _facts(int(url.rpartition("-of-")[2].partition("-")[0]))
    return replace(known, source=replace(known.source, url=url))


@lru_cache(maxsize=4096)
def mean_seconds(chunks: int) -> float:
    """Return how long a task of such a film is expected to take, in the mean."""
    facts = _facts(chunks)
    plan = make_plan(facts, load_profile("standard"), "libx264", "bench", Shape())
    return sum(expected_seconds(task, facts) for task in plan.tasks) / len(plan.tasks)


def seconds_of(task: Task) -> float:
    """Return how long a task is expected to take."""
    return expected_seconds(task, facts_of(task.source.url))


def result_of(task: Task, seconds: float) -> TaskResult:
    """Return a result of the size of a real one."""
    return TaskResult(
        task=task.id,
        renditions=_rendition_results(renditions_of(task), task.segments),
        frames_decoded=sum(segment.length for segment in task.segments),
        frames_damaged=0,
        wall_seconds=seconds,
        cpu_seconds=seconds,
        peak_memory=400_000_000,
    )


@lru_cache(maxsize=4096)
def _rendition_results(
    renditions: tuple[Rendition, ...], segments: tuple[SegmentPlan, ...]
) -> tuple[RenditionResult, ...]:
    return tuple(
        RenditionResult(
            rendition=rendition.name,
            codec="avc1.640028",
            parameters=_digest(rendition.name),
            init=None,
            segments=tuple(
                SegmentResult(
                    segment.number,
                    f"{segment.number:05d}.m4s",
                    1_234_567 + segment.number,
                    _digest(f"{rendition.name} {segment.number}"),
                    segment.length,
                )
                for segment in segments
            ),
        )
        for rendition in renditions
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
