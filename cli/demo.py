"""``gopfarm demo``: a clip for those who have none at hand."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import explains_errors, json_option, print_json


@click.command(epilog="\b\nExample:\n  gopfarm demo out/demo.mp4")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seconds", type=click.IntRange(1, 600), default=20, show_default=True, help="Length.")
@json_option
@explains_errors
def demo(path: Path, seconds: int, as_json: bool) -> None:
    """Make a clip at PATH: moving pictures, scene cuts, stereo sound. Nothing is downloaded."""
    from encoders.demo import make_demo_clip

    make_demo_clip(path, seconds)
    if as_json:
        print_json({"path": str(path), "seconds": seconds})
    else:
        click.echo(f"made {path} ({seconds} s)", err=True)
