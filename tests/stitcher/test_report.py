"""What ``job.json`` says of the quality of renditions."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from gopfarm.results import Distortion, RenditionResult, TaskResult
from stitcher.check import check_results
from stitcher.presentation import present
from stitcher.report import job_json
from tests.stitcher.build import honest_results, make_plan


def with_distortion(result: TaskResult, distortion: Distortion) -> tuple[RenditionResult, ...]:
    return tuple(replace(part, distortion=distortion) for part in result.renditions)


def test_the_report_tells_the_quality_of_all_chunks_as_one() -> None:
    plan = make_plan()
    results = honest_results(plan)
    videos = [one for one in results if one.renditions[0].rendition == "720p"]
    assert len(videos) > 1
    told = [
        replace(one, renditions=with_distortion(one, Distortion(100 * number, 900 * number**2)))
        for number, one in enumerate(videos, 1)
    ]
    numbers = range(1, len(videos) + 1)
    mean = sum(900 * number**2 for number in numbers) / sum(100 * number for number in numbers)
    told += [one for one in results if one not in videos]
    report = json.loads(job_json(plan, present(plan, check_results(plan, told)), {}))
    quality = {entry["planned"]["name"]: entry["quality"] for entry in report["ladder"]}
    assert quality["720p"] == {"psnr": round(10 * math.log10(255**2 / mean), 2)}
    assert quality["audio-0"] is None


def test_a_part_that_tells_no_quality_leaves_the_rendition_without() -> None:
    plan = make_plan()
    first, *others = honest_results(plan)
    assert sum(one.renditions[0].rendition == "720p" for one in others) > 0
    first = replace(first, renditions=with_distortion(first, Distortion(100, 650)))
    delivered = check_results(plan, [first, *others])
    assert delivered["720p"].distortion is None
