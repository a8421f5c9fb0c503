from __future__ import annotations

import pytest

from gopfarm.errors import SpecError
from worker.slots import choose_slots

CPU, GPU = "encode.cpu", "encode.nvenc"


@pytest.mark.parametrize(
    ("encoders", "queues", "slots"),
    [
        (("libx264",), (), {CPU: 8}),
        (("libx264", "h264_nvenc"), (), {CPU: 8, GPU: 2}),
        (("libx264", "h264_nvenc"), (GPU,), {GPU: 2}),
        (("libx264", "h264_nvenc"), (CPU,), {CPU: 8}),
    ],
)
def test_slots_follow_what_the_machine_has(
    encoders: tuple[str, ...], queues: tuple[str, ...], slots: dict[str, int]
) -> None:
    assert choose_slots(8, 2, queues, encoders) == slots


def test_a_queue_without_slots_is_left_out() -> None:
    assert choose_slots(0, 2, (), ("libx264", "h264_nvenc")) == {GPU: 2}


@pytest.mark.parametrize(
    ("slots", "queues", "reason"),
    [
        (8, ("encode.tpu",), "there is no queue 'encode.tpu'; there are encode.cpu, encode.nvenc"),
        (8, (GPU,), "this machine has no encoder for queue encode.nvenc"),
        (0, (), "would have no slots"),
    ],
)
def test_what_cannot_be_had_is_refused(slots: int, queues: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        choose_slots(slots, 2, queues, ("libx264",))
