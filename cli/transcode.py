"""``gopfarm transcode``: the whole farm in one command."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.options import absolute, chosen_profile, profile_options, publish_option
from cli.output import clock, explains_errors, json_option, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from cli.local import Done
    from gopfarm.spec import JobSpec, PublishMode


@click.command(
    epilog="""\b
Examples:
  gopfarm transcode film.mp4 out/film
  gopfarm transcode film.mp4 s3://bucket/films/42 --preset fast
  gopfarm transcode talk.mov out/talk --profile my-ladder.yaml --format ts --workers 4"""
)
@click.argument("source")
@click.argument("destination", metavar="DEST")
@profile_options
@publish_option
@click.option("--workers", type=click.IntRange(1, 1024), help="Encoding processes; default: one a CPU core.")
@click.option("-v", "--verbose", is_flag=True, help="Show the farm's log as well.")
@json_option
@explains_errors
def transcode(
    source: str,
    destination: str,
    profile: str,
    preset: str | None,
    segment_seconds: float | None,
    segment_format: str | None,
    encoder: str | None,
    publish: PublishMode,
    workers: int | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Turn the video SOURCE into an HLS and DASH stream under DEST.

    SOURCE and DEST are paths, file:///... or s3://bucket/key. Starts everything it needs, shows progress,
    and stops everything again.
    """
    from encoders.child import PROBE
    from gopfarm.child.ready import prepare
    from gopfarm.log import configure_logging
    from gopfarm.settings import get_settings
    from gopfarm.spec import make_spec
    from gopfarm.storage import open_destination, open_source

    configure_logging("info" if verbose else "error")
    started = time.monotonic()
    settings = get_settings()
    chosen = chosen_profile(settings, profile, preset, segment_seconds, segment_format, encoder)
    spec = make_spec(
        source=absolute(source), destination=absolute(destination), profile=chosen, publish=publish
    )
    open_source(spec.source, https_hosts=settings.source_hosts).close()
    open_destination(spec.destination).check_writable()
    prepare(PROBE)

    # The farm takes as long to load as what its children need, and both go on side by side.
    from rich.console import Console

    from cli.local import run_here

    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=True)
    done = run_here(spec, settings, workers, console)
    _report(spec, done, time.monotonic() - started, console, as_json)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _report(spec: JobSpec, done: Done, seconds: float, console: Console, as_json: bool) -> None:
    from rich.console import Console

    from cli.progress import summary_table
    from stitcher import MASTER

    master = f"{spec.destination.rstrip('/')}/{MASTER}"
    if as_json:
        print_json(
            {
                "master": master,
                "seconds": round(seconds, 3),
                "first_playable_seconds": done.first_playable,
                "renditions": [asdict(row) for row in done.renditions],
            }
        )
        return
    out = Console(soft_wrap=True, highlight=False)
    out.print(summary_table(done.renditions, seconds))
    out.print(f"\ndone in {clock(seconds)}")
    out.print(master, style="bold", markup=False)
