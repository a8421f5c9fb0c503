"""``gopfarm verify``: checks a published stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from cli.output import bit_rate, byte_size, clock, explains_errors, json_option, one_line, print_json
from gopfarm.errors import EXIT_JOB_FAILED
from gopfarm.log import configure_logging

if TYPE_CHECKING:
    from verifier import Report

#: Columns that the table takes; a narrower terminal wraps it, which is better than cutting addresses off.
_TABLE_WIDTH = 132

_STYLES = {"error": "red", "warning": "yellow"}


@click.command(
    name="verify",
    epilog="""\b
Examples:
  gopfarm verify out/film/master.m3u8
  gopfarm verify out/film/master.m3u8 film.mp4
  gopfarm verify https://cdn.example.com/films/42/master.m3u8 --strict
  gopfarm verify s3://bucket/films/42/master.m3u8 --json""",
)
@click.argument("master_url")
@click.argument("source", required=False)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@json_option
@explains_errors
def verify_command(master_url: str, source: str | None, strict: bool, as_json: bool) -> None:
    """Check the HLS stream at MASTER_URL, and whether it is true to SOURCE.

    MASTER_URL is a path, file:///..., s3://bucket/key, http:// or https://. Any stream will do, of whatever
    make. Everything that it lists is read. Exits with 0 if there is no error, with 1 if there is one.
    """
    from verifier import verify

    configure_logging("error")
    # The whole of a stream may take minutes; people want to see that something moves.
    with Console(stderr=True).status("") as status:
        done = 0

        def progress() -> None:
            nonlocal done
            done += 1
            status.update(f"{done} segments")

        report = verify(master_url, source, progress)
    if as_json:
        print_json(report.document(strict))
    else:
        _print(report)
    if not report.ok(strict):
        sys.exit(EXIT_JOB_FAILED)


def _print(report: Report) -> None:
    out = Console(highlight=False, soft_wrap=True, markup=False)
    out.width = max(out.width, _TABLE_WIDTH)
    for finding in report.findings:
        text = one_line(f"{finding.where}: {finding.message} [{finding.rule}]")
        out.print(f"{finding.level:<8} {text}", style=_STYLES[finding.level])
    if report.findings:
        out.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("rendition", "codecs", "size", "length", "segments", "average", "peak", "stored"):
        table.add_column(heading, no_wrap=True)
    for one in report.renditions:
        table.add_row(
            one_line(one.name),
            ",".join(one.codecs) or one.kind,
            one.resolution or (f"{one.channels} ch" if one.channels else ""),
            clock(one.stated_seconds),
            str(one.segments),
            bit_rate(one.average) if one.average is not None else "",
            bit_rate(one.peak) if one.peak is not None else "",
            byte_size(one.bytes),
        )
    out.print(table)
    growing = [one.segments for one in report.renditions if one.growing]
    if growing:
        out.print(f"\ngrowing: {min(growing)} segments so far")
    out.print(f"\n{_counted(report.errors, 'error')}, {_counted(report.warnings, 'warning')}")


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
