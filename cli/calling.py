"""What calls a command: the trace that it belongs to."""

from __future__ import annotations

import os

from gopfarm import tracing


def trace_of_caller() -> dict[str, str]:
    """Return the options of a submission that hang its job into the trace of whoever runs this command.

    https://opentelemetry.io/docs/specs/otel/context/env-carriers/ says in which variable that is.
    """
    context = tracing.parse_traceparent(os.environ.get("TRACEPARENT"))
    return {} if context is None else {"traceparent": str(context)}
