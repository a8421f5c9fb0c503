"""``gopfarm probe`` and ``gopfarm plan``: look, and encode nothing."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.describe import describe
from cli.options import chosen_profile, profile_options
from cli.output import bit_rate, byte_size, clock, explains_errors, json_option, price, print_json
from gopfarm.facts import SourceFacts
from gopfarm.log import configure_logging
from gopfarm.plan import Plan, VideoTask
from gopfarm.process import cores
from gopfarm.settings import get_settings
from gopfarm.storage import shown
from scheduler.cost import Cost, estimate
from scheduler.load import Load
from scheduler.normalise import assumed_colour, target_colour
from scheduler.outlook import Expected, of_plan
from scheduler.prepare import choose_encoder, plan_source, probe_url


@click.command(
    epilog="""\b
Examples:
  gopfarm probe film.mp4
  gopfarm probe s3://bucket/uploads/42.mov --json"""
)
@click.argument("source")
@json_option
@explains_errors
def probe(source: str, as_json: bool) -> None:
    """Show what SOURCE is: everything that a plan depends on. Decodes a few frames, encodes nothing."""
    configure_logging("error")
    facts = probe_url(source, get_settings())
    if as_json:
        print_json(_facts_document(facts))
        return
    out = Console(highlight=False, soft_wrap=True)
    for line in describe(facts):
        out.print(line, markup=False)


def _facts_document(facts: SourceFacts) -> dict[str, Any]:
    """Return facts as plain JSON: times in seconds, rates as fractions."""
    document = asdict(facts)
    document["source"]["url"] = shown(facts.source.url)
    video = document["video"]
    if video is not None:
        assert facts.video is not None
        video["display_size"] = list(facts.video.display_size)
        video["origin"] = float(facts.video.origin)
        video["assumed_colour"] = asdict(assumed_colour(facts.video))
        video["target_colour"] = asdict(target_colour(assumed_colour(facts.video)))
        for name in ("sample_aspect_ratio", "time_base", "frame_rate", "grid_rate"):
            video[name] = str(video[name])
    for track in document["audio"]:
        track["start"], track["duration"] = float(track["start"]), float(track["duration"])
    document["duration"] = float(document["duration"])
    return document


@click.command(
    epilog="""\b
Examples:
  gopfarm plan film.mp4
  gopfarm plan film.mp4 --slots 64
  gopfarm plan film.mp4 --profile my-ladder.yaml --segment 4 --json"""
)
@click.argument("source")
@profile_options
@click.option(
    "--slots",
    type=click.IntRange(1, 100_000),
    help="Idle slots to plan for; default: one a CPU core of this machine.",
)
@json_option
@explains_errors
def plan(
    source: str,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
    slots: int | None,
    as_json: bool,
) -> None:
    """Show how SOURCE would be cut into chunks and segments, the ladder, and the expected cost."""
    configure_logging("error")
    settings = get_settings()
    chosen = chosen_profile(settings, profile, preset, segment_seconds, segment_format, encoder)
    codec = choose_encoder(chosen.encoder, {"h264_nvenc"} if chosen.encoder == "nvenc" else set())
    slots = slots or cores()
    planned = plan_source(probe_url(source, settings), chosen, codec, Load(slots))
    cost, expected = estimate(planned), of_plan(planned, slots, settings.slot_hour_price)
    if as_json:
        print_json(_plan_document(planned, cost, expected, slots))
    else:
        _print_plan(planned, cost, expected, slots)


def _plan_document(plan: Plan, cost: Cost, expected: Expected, slots: int) -> dict[str, Any]:
    rate = plan.grid_rate
    return {
        "plan_hash": plan.hash,
        "format": plan.format,
        "frame_rate": str(rate),
        "frames": plan.grid_frames,
        "target_duration": plan.target_duration,
        "renditions": [asdict(rendition) for rendition in plan.video],
        "audio": [asdict(rendition) for rendition in plan.audio],
        "subtitles": [asdict(rendition) for rendition in plan.subtitles],
        "chunks": [
            {
                "task": task.id,
                "renditions": [rendition.name for rendition in task.renditions],
                "start": float(task.start / rate),
                "end": float(task.end / rate),
                "frames": task.end - task.start,
                "seek": float(task.seek.slot / rate),
                "segments": [segment.length for segment in task.segments],
            }
            for task in plan.tasks
            if isinstance(task, VideoTask)
        ],
        "tasks": len(plan.tasks),
        "expected": {
            **asdict(cost),
            "slots": slots,
            "seconds": expected.seconds,
            **({} if expected.price is None else {"price": expected.price}),
        },
    }


def _print_plan(plan: Plan, cost: Cost, expected: Expected, slots: int) -> None:
    out = Console(highlight=False, soft_wrap=True)
    rate = plan.grid_rate
    out.print(f"plan {plan.hash}: {len(plan.tasks)} tasks, {plan.format} segments", markup=False)
    ladder = Table(box=None, pad_edge=False, header_style="bold", title="ladder", title_justify="left")
    for heading in ("rendition", "size", "average", "peak", "encoder"):
        ladder.add_column(heading)
    for rung in plan.video:
        ladder.add_row(
            rung.name,
            f"{rung.width}x{rung.height}",
            bit_rate(rung.bitrate),
            bit_rate(rung.maxrate),
            f"{rung.encoder} {rung.preset}",
        )
    for track in plan.audio:
        ladder.add_row(track.name, f"{track.channels} ch", bit_rate(track.bitrate), "", "aac")
    for words in plan.subtitles:
        ladder.add_row(words.name, "", "", "", "webvtt")
    out.print(ladder)
    chunks = [task for task in plan.tasks if isinstance(task, VideoTask)]
    if chunks:
        table = Table(box=None, pad_edge=False, header_style="bold", title="chunks", title_justify="left")
        for heading in ("chunk", "from", "to", "segments", "decodes from"):
            table.add_column(heading, justify="right")
        table.add_column("renditions of a task")
        for number, group in enumerate(_by_chunk(chunks)):
            task = group[0]
            lengths = sorted({float(segment.length / rate) for segment in task.segments}, reverse=True)
            each = " or ".join(f"{length:.3f}" for length in lengths)
            table.add_row(
                str(number),
                clock(float(task.start / rate)),
                clock(float(task.end / rate)),
                f"{len(task.segments)} x {each} s",
                clock(float(max(0, task.seek.slot) / rate)),
                " | ".join(" ".join(rendition.name for rendition in one.renditions) for one in group),
            )
        out.print(table)
    out.print(
        f"expected: about {cost.cpu_seconds:.0f} CPU seconds on the reference machine, "
        f"{clock(expected.seconds)} on {slots} idle {'slot' if slots == 1 else 'slots'}, "
        f"{byte_size(cost.stored_bytes)} stored"
        + ("" if expected.price is None else f", for {price(expected.price)}")
    )


def _by_chunk(tasks: list[VideoTask]) -> list[list[VideoTask]]:
    return [list(group) for _, group in groupby(tasks, lambda task: task.start)]
