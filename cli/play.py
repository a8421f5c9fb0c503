"""``gopfarm play``: watch a published folder in the browser."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from pathlib import Path

import click

from api.player import serve_player
from cli.output import explains_errors, json_option, print_json
from gopfarm.errors import SourceError


@click.command(epilog="\b\nExample:\n  gopfarm play out/film")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; default: a free one.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
@json_option
@explains_errors
def play(folder: Path, host: str, port: int, browser: bool, as_json: bool) -> None:
    """Serve a player for the stream in FOLDER until Ctrl-C."""
    if not (folder / "master.m3u8").is_file():
        raise SourceError(f"{folder} holds no published stream: there is no master.m3u8 in it")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    with serve_player(folder, host, port) as server:
        if as_json:
            print_json({"url": server.url})
        else:
            click.echo(f"playing {folder} at {server.url}  (Ctrl-C ends)")
        sys.stdout.flush()
        if browser and sys.stdout.isatty():
            webbrowser.open(server.url)
        while not stop.wait(0.5):
            pass
