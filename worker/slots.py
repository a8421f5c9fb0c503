"""How many tasks a machine runs at a time, by queue."""

from __future__ import annotations

from encoders.codecs import AUDIO_QUEUE, CODECS
from gopfarm.errors import SpecError


def choose_slots(
    slots: int, gpu_slots: int, queues: tuple[str, ...], encoders: tuple[str, ...]
) -> dict[str, int]:
    """Return the slots by queue for a machine with some encoders; ``queues`` (if any) restricts them.

    Raises:
        SpecError: A queue is unknown, or the machine has nothing for those that were asked for.
    """
    here = {AUDIO_QUEUE: slots}
    for name in encoders:
        queue = CODECS[name].queue
        here[queue] = slots if queue == AUDIO_QUEUE else gpu_slots
    known = sorted({codec.queue for codec in CODECS.values()})
    for queue in queues:
        if queue not in known:
            raise SpecError(f"there is no queue {queue!r}; there are {', '.join(known)}")
        if queue not in here:
            raise SpecError(
                f"this machine has no encoder for queue {queue}: it can use {', '.join(encoders)}"
            )
    chosen = {queue: count for queue, count in here.items() if count > 0 and (not queues or queue in queues)}
    if not chosen:
        raise SpecError("this worker would have no slots")
    return chosen
