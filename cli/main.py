"""``gopfarm``: the commands. Each lives in a module that is imported only when it is called."""

from __future__ import annotations

import importlib
import sys
import threading

import click

from gopfarm import __version__
from gopfarm.errors import EXIT_BAD_INPUT, EXIT_JOB_FAILED

#: Command name to (module, function), and the one line that ``gopfarm --help`` shows for it.
_COMMANDS = {
    "transcode": ("cli.transcode:transcode", "Turn a video into an HLS and DASH stream, right here."),
    "probe": ("cli.inspect:probe", "Show what a source is."),
    "plan": ("cli.inspect:plan", "Show how a source would be cut and encoded; encodes nothing."),
    "capacity": ("cli.capacity:capacity_command", "Say how large a farm must be for so many hours a day."),
    "play": ("cli.play:play", "Open a player for a published folder."),
    "submit": ("cli.jobs:submit", "Submit a job to a running farm."),
    "status": ("cli.jobs:status", "Show a job."),
    "watch": ("cli.jobs:watch", "Follow a job to its end."),
    "list": ("cli.jobs:list_jobs", "List jobs, newest first."),
    "cancel": ("cli.jobs:cancel", "Cancel a job."),
    "retry": ("cli.jobs:retry", "Send a failed or cancelled job through again."),
    "priority": ("cli.jobs:priority", "Change how urgent a job is."),
    "events": ("cli.events:events", "Show what happened to jobs."),
    "webhooks": ("cli.webhooks:webhooks", "Show webhooks that wait or were given up; send them again."),
    "scheduler": ("cli.roles:scheduler", "Run a scheduler."),
    "worker": ("cli.roles:worker", "Run a worker."),
    "serve": ("cli.serve:serve", "Serve the HTTP API and the dashboard."),
    "token": ("cli.token:token", "Make a token for the HTTP API."),
    "verify": ("cli.verify:verify_command", "Check a published stream, ours or anyone's."),
    "metrics": ("cli.metrics:metrics", "Print what Prometheus can ask of the farm."),
    "schema": ("cli.schema:schema", "Print the JSON Schema of job specs."),
    "demo": ("cli.demo:demo", "Make a short clip to try things on."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try: gopfarm transcode film.mp4 out/film",
)
@click.version_option(__version__, prog_name="gopfarm")
def cli() -> None:
    """gopfarm turns videos into adaptive streams, on one machine or on a farm of them."""


def _thread_died(fault: threading.ExceptHookArgs) -> None:
    """Log what nothing in a thread has caught; Python would print it past the log, secrets and all."""
    from gopfarm.log import log_bug

    if fault.exc_value is not None:
        log_bug("a thread was ended by a bug", (fault.exc_type, fault.exc_value, fault.exc_traceback))


def main() -> None:
    """Run the command line. Wrong arguments exit with 2, in one line."""
    threading.excepthook = _thread_died
    try:
        sys.exit(cli.main(prog_name="gopfarm", standalone_mode=False))
    except click.UsageError as error:
        where = f"{error.ctx.command_path}: " if error.ctx else "gopfarm: "
        click.echo(f"{where}{error.format_message()}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except click.ClickException as error:
        click.echo(f"gopfarm: {error.format_message()}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception:
        from gopfarm.log import log_bug

        log_bug("a bug in gopfarm")
        sys.exit(EXIT_JOB_FAILED)
