from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gopfarm.errors import VerifyError
from gopfarm.plan import Plan
from gopfarm.results import SegmentResult, TaskResult
from stitcher.check import check_results
from tests.stitcher.build import audio, change_rendition, honest_results, make_plan


def segments_of(results: list[TaskResult], task: str, rendition: str) -> list[SegmentResult]:
    parts = [part for result in results if result.task == task for part in result.renditions]
    return list(next(part for part in parts if part.rendition == rendition).segments)


def change_segment(
    results: list[TaskResult], task: str, rendition: str, at: int, **changes: Any
) -> list[TaskResult]:
    segments = segments_of(results, task, rendition)
    segments[at] = replace(segments[at], **changes)
    return change_rendition(results, task, rendition, segments=tuple(segments))


def refuse(plan: Plan, results: list[TaskResult], *words: str) -> None:
    """The results are refused in one line that has all these words."""
    with pytest.raises(VerifyError) as caught:
        check_results(plan, results)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_joins_chunks_in_playlist_order_whatever_order_they_finished_in() -> None:
    plan = make_plan()
    deliveries = check_results(plan, reversed(honest_results(plan)))
    assert list(deliveries) == ["720p", "360p", "audio-0"]
    files = [segment.file for segment in deliveries["720p"].segments]
    assert files == ["00000.m4s", "00001.m4s", "00002.m4s", "00003.m4s"]
    assert deliveries["720p"].codec == "avc1.64001f"
    assert deliveries["720p"].files[0].file == "init.mp4"


def test_segments_are_ordered_by_number_where_a_task_lists_them_otherwise() -> None:
    plan = make_plan()
    results = honest_results(plan)
    backwards = tuple(reversed(segments_of(results, "v0", "720p")))
    delivery = check_results(plan, change_rendition(results, "v0", "720p", segments=backwards))["720p"]
    assert [segment.number for segment in delivery.segments] == [0, 1, 2, 3]


def test_mpeg_ts_has_no_init_segment() -> None:
    plan = make_plan(segment_format="ts")
    delivery = check_results(plan, honest_results(plan))["360p"]
    assert delivery.init is None
    assert delivery.files == delivery.segments


def test_the_first_result_of_a_task_counts() -> None:
    plan = make_plan()
    results = honest_results(plan)
    twin = change_segment(results, "v0", "720p", 0, size=99)[0]
    delivery = check_results(plan, [*results, twin])["720p"]
    assert delivery.segments[0].size == results[0].renditions[0].segments[0].size


def test_refuses_a_task_that_is_not_planned() -> None:
    plan = make_plan()
    results = honest_results(plan)
    refuse(plan, [*results, replace(results[0], task="other")], "other")


def test_refuses_a_rendition_that_is_not_planned() -> None:
    plan = make_plan()
    refuse(plan, change_rendition(honest_results(plan), "v0", "360p", rendition="361p"), "361p", "v0")


def test_refuses_a_task_that_never_reported() -> None:
    plan = make_plan()
    refuse(plan, honest_results(plan)[1:], "720p segment 0", "missing")


def test_refuses_a_rendition_that_nobody_delivered() -> None:
    plan = make_plan()
    refuse(plan, honest_results(plan)[:-1], "audio-0 segment 0", "missing")
    refuse(plan, [], "720p segment 0", "missing")


@pytest.mark.parametrize("at", [0, 1])
def test_refuses_a_missing_segment(at: int) -> None:
    plan = make_plan()
    results = honest_results(plan)
    kept = segments_of(results, "v1", "360p")
    del kept[at]
    refuse(
        plan,
        change_rendition(results, "v1", "360p", segments=tuple(kept)),
        f"360p segment {2 + at}",
        "missing",
    )


def test_refuses_a_segment_delivered_twice() -> None:
    plan = make_plan()
    results = honest_results(plan)
    both = (*segments_of(results, "v0", "360p"), *segments_of(results, "v1", "360p"))
    refuse(plan, change_rendition(results, "v0", "360p", segments=both), "360p segment 2", "twice")


def test_refuses_a_segment_that_is_not_planned() -> None:
    plan = make_plan()
    results = honest_results(plan)
    extra = SegmentResult(4, "00004.m4s", 10, "00", 180)
    more = (*segments_of(results, "v1", "720p"), extra)
    refuse(plan, change_rendition(results, "v1", "720p", segments=more), "720p segment 4", "not planned")


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize(("task", "rendition", "number"), [("v1", "720p", 3), ("a0", "audio-0", 3)])
def test_refuses_a_segment_that_is_shorter_or_longer_than_planned(
    task: str, rendition: str, number: int, off: int
) -> None:
    plan = make_plan()
    results = honest_results(plan)
    length = segments_of(results, task, rendition)[-1].length + off
    changed = change_segment(results, task, rendition, -1, length=length)
    refuse(plan, changed, f"{rendition} segment {number}", f"{length - off} ", f"{length} delivered")


def test_refuses_an_empty_segment() -> None:
    plan = make_plan()
    refuse(plan, change_segment(honest_results(plan), "v0", "720p", 1, size=0), "720p segment 1", "empty")


def test_refuses_a_file_name_that_the_manifest_would_not_find() -> None:
    plan = make_plan()
    results = change_segment(honest_results(plan), "v0", "720p", 1, file="1.m4s")
    refuse(plan, results, "720p segment 1", "'1.m4s'", "'00001.m4s'")


@pytest.mark.parametrize("field", ["codec", "parameters"])
def test_refuses_a_rendition_whose_decoder_configuration_changes(field: str) -> None:
    plan = make_plan()
    results = change_rendition(honest_results(plan), "v1", "360p", **{field: "another"})
    refuse(plan, results, "360p segment 2", field)


def test_refuses_cmaf_without_an_init_segment() -> None:
    plan = make_plan()
    refuse(plan, change_rendition(honest_results(plan), "v0", "360p", init=None), "360p init", "0 delivered")


def test_refuses_cmaf_with_two_init_segments() -> None:
    plan = make_plan()
    results = honest_results(plan)
    init = results[0].renditions[0].init
    refuse(plan, change_rendition(results, "v1", "720p", init=init), "720p init", "2 delivered")


def test_refuses_mpeg_ts_with_an_init_segment() -> None:
    plan = make_plan(segment_format="ts")
    init = SegmentResult(0, "init.mp4", 10, "00", 0)
    refuse(plan, change_rendition(honest_results(plan), "v0", "720p", init=init), "720p init", "1 delivered")


@pytest.mark.parametrize("changes", [{"size": 0}, {"file": "00000.mp4"}])
def test_refuses_an_empty_or_misnamed_init_segment(changes: dict[str, Any]) -> None:
    plan = make_plan()
    results = honest_results(plan)
    init = results[0].renditions[0].init
    assert init is not None
    refuse(plan, change_rendition(results, "v0", "720p", init=replace(init, **changes)), "720p init")


def test_refuses_a_plan_without_segments() -> None:
    plan = make_plan(ladder=(), tracks=(audio(),))
    refuse(replace(plan, audio_segments=((),)), [], "audio-0")
