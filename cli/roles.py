"""``gopfarm scheduler`` and ``gopfarm worker``: the long-running roles."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import click

from cli.options import FiniteRange
from cli.output import explains_errors
from gopfarm import tracing
from gopfarm.log import configure_logging
from gopfarm.metrics import Role, serve_metrics
from gopfarm.process import cores
from gopfarm.settings import Settings, get_settings
from gopfarm.store import connect, reachable
from gopfarm.tenants import classes_of

log_level_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Least important lines to log, on stderr.",
)

json_logs_option = click.option("--json", "as_json", is_flag=True, help="Log JSON even to a terminal.")

metrics_port_option = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics on this port."
)


def _until_signalled(start: Callable[[], None], stop: Callable[[], None]) -> None:
    """Run a role until SIGTERM or SIGINT."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    start()
    while not ended.wait(1.0):
        pass
    stop()
    tracing.shut_down()


def check_redis(settings: Settings) -> None:
    """Refuse to start where Redis does not answer: whoever starts the role is there to see it."""
    with reachable(settings.redis_url), connect(settings.redis_url) as client:
        client.ping()


@click.command(
    epilog="""\b
Example:
  GOPFARM_REDIS_URL=redis://queue:6379/0 gopfarm scheduler"""
)
@metrics_port_option
@log_level_option
@json_logs_option
@explains_errors
def scheduler(metrics_port: int | None, log_level: str, as_json: bool) -> None:
    """Run a scheduler: takes submissions, plans jobs, gives out tasks, publishes.

    Stops cleanly on SIGTERM.
    """
    from scheduler.role import Scheduler

    configure_logging(log_level, json=as_json or None)
    settings = get_settings()
    tracing.set_up("scheduler")
    check_redis(settings)
    if metrics_port is not None:
        serve_metrics(metrics_port, Role.SCHEDULER, Role.LEADER, tenant_classes=classes_of(settings.tenants))
    role = Scheduler(settings)
    _until_signalled(role.start, role.stop)


@click.command(
    epilog="""\b
Examples:
  gopfarm worker
  gopfarm worker --slots 8 --queues encode.cpu"""
)
@click.option("--slots", type=click.IntRange(0, 1024), help="CPU tasks at a time; default: one a core.")
@click.option(
    "--gpu-slots", type=click.IntRange(0, 64), default=2, show_default=True, help="NVENC tasks at a time."
)
@click.option(
    "--queues", metavar="NAME[,NAME]", default="", help="Only these queues: encode.cpu, encode.nvenc."
)
@click.option(
    "--grace",
    type=FiniteRange(0, 86400),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="On SIGTERM, how long running tasks may still finish before they are given back.",
)
@metrics_port_option
@log_level_option
@json_logs_option
@explains_errors
def worker(
    slots: int | None,
    gpu_slots: int,
    queues: str,
    grace: float,
    metrics_port: int | None,
    log_level: str,
    as_json: bool,
) -> None:
    """Run a worker: encodes what its machine can, one child process a slot.

    Stops cleanly on SIGTERM: no new task, then the grace period.
    """
    from worker.capabilities import find_encoders
    from worker.role import Worker
    from worker.slots import choose_slots

    configure_logging(log_level, json=as_json or None)
    settings = get_settings()
    tracing.set_up("worker")
    wanted = tuple(name.strip() for name in queues.split(",") if name.strip())
    encoders = find_encoders()
    chosen = choose_slots(cores() if slots is None else slots, gpu_slots, wanted, encoders)
    check_redis(settings)
    if metrics_port is not None:
        serve_metrics(metrics_port, Role.WORKER, tenant_classes=classes_of(settings.tenants))
    role = Worker(settings, chosen, encoders)
    _until_signalled(role.start, lambda: role.stop(grace))
