"""Logs: readable lines in a terminal, JSON otherwise; always on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

#: Libraries whose own chatter helps nobody below a warning.
_QUIET = ("dramatiq", "botocore", "boto3", "s3transfer", "libav")

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
        cache_logger_on_first_use=True,
    )
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # It would log the arguments of messages that fail, job specs among them; our handlers log for themselves.
    logging.getLogger("dramatiq.worker.WorkerThread").setLevel(logging.CRITICAL)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
