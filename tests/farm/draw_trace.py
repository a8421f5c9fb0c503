"""Draws the trace of a real job: ``python -m tests.farm.draw_trace docs/images/trace.svg``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.embedded import PrivateValkey
from encoders.demo import make_demo_clip
from tests.collector import Span, collecting
from tests.farm.processes import Farm, until

SMALL = Path(__file__).parent / "small.yaml"

#: Of the picture, in pixels.
WIDTH, MARGIN, NAMES, ROW, BAR, INDENT = 960, 20, 210, 22, 14, 16
HEAD, FOOT, LEFT = 58, 40, MARGIN + NAMES

COLOURS = {"gopfarm-scheduler": "#3b6fb6", "gopfarm-worker": "#c8791e"}

#: Lengths of steps of the axis, in seconds, of which the first is taken that gives few enough.
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
MOST_STEPS = 10

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1c2733 }
.faint { fill: #5d6b7a; font-size: 12px }
line { stroke: #dfe5eb }
"""


def run_job() -> list[Span]:
    """Run a job on a scheduler and a worker of two slots; return its spans."""
    valkey = PrivateValkey()
    try:
        with TemporaryDirectory() as name, collecting() as collector:
            folder = Path(name)
            os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
            make_demo_clip(folder / "clip.mp4", 10)
            farm = Farm(valkey.url, folder)
            farm.start("scheduler", "scheduler")
            farm.start("worker", "worker", "--slots", "2")
            until(
                lambda: any(line["event"] == "worker started" for line in farm.log("worker")),
                "it has started",
            )
            done = farm.run("submit", folder / "clip.mp4", folder / "out", "--profile", SMALL)
            job = farm.ended(done.stdout.strip())
            assert job["state"] == "done", job
            for role in ("worker", "scheduler"):
                farm.stop(role)
            return collector.of_job(job["id"])
    finally:
        valkey.stop()


def in_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Yield spans with their depth, each before those under it."""
    known = {span.id for span in spans}

    def under(parent: str | None, depth: int) -> Iterator[tuple[int, Span]]:
        for span in sorted(spans, key=lambda span: span.start):
            if span.parent == parent or (parent is None and span.parent not in known):
                yield depth, span
                yield from under(span.id, depth + 1)

    return under(None, 0)


def draw(spans: Sequence[Span]) -> str:
    """Return the picture."""
    begin, end = min(span.start for span in spans), max(span.end for span in spans)
    scale = (WIDTH - 2 * MARGIN - NAMES) / (end - begin)
    height = HEAD + ROW * len(spans) + FOOT
    parts = [f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>']
    parts += axis(end - begin, scale, height)
    for number, (service, colour) in enumerate(COLOURS.items()):
        at = LEFT + 160 * number
        parts.append(f'<rect x="{at}" y="22" width="14" height="14" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="{at + 20}" y="33">{service}</text>')
    for row, (depth, span) in enumerate(in_order(spans)):
        parts += bar(span, depth, HEAD + ROW * row, LEFT + (span.start - begin) * scale, scale)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    label = 'aria-label="The spans of a job over time"'
    return "\n".join([f"{head} {label}>", f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def axis(seconds: float, scale: float, height: int) -> Iterator[str]:
    """Yield a line for each step of time, with its label."""
    step = next(step for step in STEPS if seconds / step <= MOST_STEPS)
    for number in range(int(seconds / step) + 1):
        at = LEFT + number * step * scale
        yield f'<line x1="{at:.1f}" y1="{HEAD}" x2="{at:.1f}" y2="{height - FOOT + 6}"/>'
        place = f'x="{at:.1f}" y="{height - 14}" text-anchor="middle"'
        yield f'<text class="faint" {place}>{number * step:g} s</text>'


def bar(span: Span, depth: int, top: int, at: float, scale: float) -> Iterator[str]:
    """Yield a span's name, its bar, and how long it was."""
    width = max(1.5, (span.end - span.start) * scale)
    waits = ' opacity="0.45"' if "wait" in span.name else ""
    size = f'x="{at:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" rx="3"'
    yield f'<text x="{MARGIN + INDENT * depth}" y="{top + 12}">{escape(span.name)}</text>'
    yield f'<rect {size} fill="{COLOURS[span.service]}"{waits}/>'
    task = span.attributes["gopfarm.task.id"] if span.name == "task run" else ""
    said = f"{task} {1000 * (span.end - span.start):.0f} ms".strip()
    place = f'x="{at + width + 6:.1f}"'
    if depth == 0:
        place = f'x="{LEFT + 8}" style="fill: #ffffff"'
    elif at + width > WIDTH - 180:
        place = f'x="{at - 6:.1f}" text-anchor="end"'
    yield f'<text class="faint" {place} y="{top + 12}">{escape(said)}</text>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(run_job()))
