"""Logs: readable lines in a terminal, JSON otherwise; always on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from gopfarm.redact import MASK, is_secret_name, redact

#: Libraries whose own chatter helps nobody below a warning.
_QUIET = ("dramatiq", "botocore", "boto3", "s3transfer", "libav", "uvicorn")

#: Libraries whose warnings name addresses with their queries, where signatures are.
_SILENT = ("urllib3",)


def configure_logging(level: str = "info", json: bool | None = None) -> None:
    """Set up structlog and the standard library's logging alike.

    Args:
        level: debug, info, warning or error.
        json: One JSON object a line; by default unless standard error is a terminal.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                without_secrets,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # It would log the arguments of messages that fail, job specs among them; our handlers log for themselves.
    logging.getLogger("dramatiq.worker.WorkerThread").setLevel(logging.CRITICAL)
    # It would log what it asks for again, with the signature in it; what comes of it is reported anyway.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)


def without_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets out of a line about to be rendered, tracebacks and other libraries' lines included."""
    return {name: MASK if is_secret_name(name) else _redacted(value) for name, value in event.items()}


def _redacted(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            redact(str(name)): MASK if is_secret_name(str(name)) else _redacted(part)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(part) for part in value]
    return redact(value if isinstance(value, str) else repr(value))


def log_bug(message: str, trace: Any = True) -> None:
    """Log a traceback, whether or not the process has set up its logs by then."""
    if not logging.getLogger().handlers:
        configure_logging("error")
    get_logger(__name__).critical(message, exc_info=trace)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
