"""Choosing the shape of a job, by what the farm has to do and what each shape is expected to take. Pure.

Splitting finer costs: every group of renditions decodes the source anew, and every chunk begins with a new
encoder. With slots to spare it saves time. The measure for both is the product of CPU seconds and finishing
time: one per cent more work must bring the end one per cent nearer. On a busy farm the end is far away
whatever the job's shape, so the cheapest shape wins; on an idle one the fastest, up to where splitting starts
to cost more than it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gopfarm.facts import SourceFacts, VideoFacts
from gopfarm.plan import VideoRendition
from gopfarm.profile import Profile
from scheduler.chunks import Chunk
from scheduler.cost import pace_of, sound_seconds
from scheduler.load import Load
from scheduler.outlook import HANDOVER_SECONDS
from scheduler.planner import chunks_of, video_renditions
from scheduler.shape import TAILS, Grouping, Shape, cuts
from scheduler.simulation import finish_seconds
from scheduler.sound import audio_renditions

#: Shapes whose price is this close to the best are as good, and the one with the fewest joints is chosen.
_AS_GOOD = 1.01

#: Chunks differ by what they show, as much as the model is wrong at most: their seconds are tried with up to
#: so much more and less for each, so that a plan does not hang on all being as long as expected.
_SPREAD = 0.3

#: The trials: each chunk has a place from 0 (cheapest) to 1, which is shifted (modulo 1) and then mirrored or
#: not. Over all trials each chunk is exactly as dear as expected.
_TRIALS = ((0.0, False), (0.0, True), (0.5, False), (0.5, True))

#: Its multiples are spread evenly modulo one.
_GOLDEN = 0.6180339887


@dataclass(frozen=True)
class Outlook:
    """What a shape is expected to bring: CPU seconds, and seconds until the job's last task has ended."""

    shape: Shape
    chunks: int
    tasks: int
    cpu_seconds: float
    finish_seconds: float

    @property
    def price(self) -> float:
        """The measure by which shapes are compared: less is better."""
        return self.cpu_seconds * self.finish_seconds


def choose_shape(
    facts: SourceFacts,
    profile: Profile,
    encoder: str,
    load: Load,
    cut: Shape | None = None,
    progressive: bool = False,
) -> Shape:
    """Return the shape for a source on a farm that is as busy as ``load`` says.

    Where the film is cut already, as ``cut`` says, only the grouping is chosen. ``progressive`` is as in
    ``Shape``.
    """
    if facts.video is None:
        return Shape(progressive=progressive)
    found = outlooks(facts, profile, encoder, load, [cut] if cut else _cuts_for(load.slots, progressive))
    least = min(outlook.price for outlook in found)
    good = [outlook for outlook in found if outlook.price <= least * _AS_GOOD]
    return min(good, key=lambda outlook: (outlook.chunks, outlook.price)).shape


def outlooks(
    facts: SourceFacts, profile: Profile, encoder: str, load: Load, ways: Sequence[Shape] = ()
) -> list[Outlook]:
    """Return what each shape would bring; the source has a picture.

    ``ways`` to cut it are by default those that make sense for so many slots.
    """
    video = facts.video
    assert video is not None
    renditions = video_renditions(video, profile, encoder)
    sound = [
        sound_seconds(rendition, float(track.duration))
        for track, rendition in audio_renditions(facts.audio, profile.audio)
    ]
    cheapest = _Work(video, renditions, sound, Shape(), chunks_of(video, profile, Shape()))
    found = []
    for cut in ways or _cuts_for(load.slots, progressive=False):
        chunks = chunks_of(video, profile, cut)
        for grouping in Grouping:
            if len(renditions) > 1 or grouping is Grouping.TOGETHER:
                work = _Work(video, renditions, sound, replace(cut, grouping=grouping), chunks)
                found.append(work.outlook(_free_at(load, cheapest)))
    return found


def _cuts_for(slots: int, progressive: bool) -> list[Shape]:
    """Return the ways to cut: with chunks of equal length, or with an end made for about so many slots."""
    tail = max((tail for tail in TAILS if tail <= slots), default=0)
    return [cut for cut in cuts(progressive) if cut.tail in (0, tail)]


class _Work:
    """The tasks that a shape makes of a job, as lengths."""

    def __init__(
        self,
        video: VideoFacts,
        renditions: Sequence[VideoRendition],
        sound: Sequence[float],
        shape: Shape,
        chunks: Sequence[Chunk],
    ) -> None:
        self._shape = shape
        self._chunks = len(chunks)
        sizes = {(rendition.width, rendition.height) for rendition in renditions}
        paces = [pace_of(video, group, sizes) for group in shape.groups(renditions)]
        #: Seconds of each task, and the number of its chunk; -1 for sound.
        self._tasks = [(seconds, -1) for seconds in sound]
        for number, chunk in enumerate(chunks):
            self._tasks += [(pace.seconds(chunk.frames, chunk.decoded), number) for pace in paces]
        self._tasks.sort(key=lambda task: -task[0])  # as scheduler.ordering does
        self.tasks = len(self._tasks)
        self.cpu_seconds = sum(seconds for seconds, _ in self._tasks)

    def outlook(self, free_at: Sequence[float]) -> Outlook:
        """Play it through on slots that are free at these times, in their order."""
        slots = free_at[: self.tasks]
        ends = [
            finish_seconds((self._tried(task, *trial) for task in self._tasks), slots) for trial in _TRIALS
        ]
        return Outlook(self._shape, self._chunks, self.tasks, self.cpu_seconds, sum(ends) / len(ends))

    def _tried(self, task: tuple[float, int], shift: float, mirrored: bool) -> float:
        seconds, chunk = task
        if chunk < 0:
            return seconds + HANDOVER_SECONDS
        place = ((chunk + 1) * _GOLDEN + shift) % 1
        dearer = 2 * (1 - place if mirrored else place) - 1
        return seconds * (1 + _SPREAD * dearer) + HANDOVER_SECONDS


def _free_at(load: Load, usual: _Work) -> list[float]:
    """Return when each slot can begin with a new job, the earliest first: what came before it is done before.

    Other jobs are taken to be like this one in its cheapest shape: ``usual``.
    """
    task = usual.cpu_seconds / usual.tasks
    behind = load.waiting + max(0, load.running - load.slots)
    begin = (behind * task + load.jobs * usual.cpu_seconds) / load.slots
    busy = min(load.running, load.slots)
    rest = [task * (number + 0.5) / busy for number in range(busy)]  # they are anywhere in their tasks
    return [begin] * (load.slots - busy) + [begin + seconds for seconds in rest]
