"""``gopfarm serve``: the HTTP API, with the dashboard."""

from __future__ import annotations

import contextlib
import signal

import click

from cli.output import explains_errors
from cli.roles import check_redis, json_logs_option, log_level_option, metrics_port_option
from gopfarm import tracing
from gopfarm.log import configure_logging, get_logger
from gopfarm.metrics import Role, serve_metrics
from gopfarm.settings import get_settings
from gopfarm.tenants import classes_of

log = get_logger(__name__)


@click.command(
    epilog="""\b
Examples:
  gopfarm serve
  gopfarm serve --host :: --port 8080 --metrics-port 9100"""
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; :: is all of them."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 takes a free one."
)
@metrics_port_option
@log_level_option
@json_logs_option
@explains_errors
def serve(host: str, port: int, metrics_port: int | None, log_level: str, as_json: bool) -> None:
    """Serve the HTTP API, with the dashboard.

    Without GOPFARM_API_TOKENS it listens on loopback addresses only, and needs no token. Stops cleanly on
    SIGTERM.
    """
    from api.app import create_app
    from api.server import ApiServer, check_host, listen

    configure_logging(log_level, json=as_json or None)
    settings = get_settings()
    tracing.set_up("api")
    check_host(host, settings)
    check_redis(settings)
    with contextlib.ExitStack() as at_end:
        at_end.callback(tracing.shut_down)
        listener = at_end.enter_context(listen(host, port))
        if metrics_port is not None:
            serve_metrics(metrics_port, Role.API, tenant_classes=classes_of(settings.tenants))
        server = ApiServer(create_app(settings), listener)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        log.info(
            "api started", host=host, port=listener.getsockname()[1], protected=bool(settings.api_tokens)
        )
        server.serve_forever()
    log.info("api stopped")
