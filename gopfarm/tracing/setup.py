"""Setting tracing up, where the standard variables of OpenTelemetry ask for it.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ has them all: what is not
named here (sampling, limits, batches, headers, time-outs) is read by OpenTelemetry's own libraries.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from gopfarm.errors import SpecError
from gopfarm.tracing.spans import record_with

_EXPORTER = "OTEL_TRACES_EXPORTER"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

#: The one protocol of which the exporter is in the extra.
_PROTOCOL = "http/protobuf"

_EXPORTERS = ("otlp", "console")


def set_up(role: str) -> None:
    """Begin to record spans, if that is asked for.

    Args:
        role: Names the service ``gopfarm-<role>``, unless the variables give it another name.

    Raises:
        SpecError: It is asked for, but the libraries are missing, or a variable has a value that cannot be
            served.
    """
    exporters = wanted(os.environ)
    if not exporters:
        return
    try:
        from gopfarm.tracing.recorder import OpenTelemetryRecorder
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise SpecError(
            "tracing: OTEL_* variables ask for it, but OpenTelemetry is not installed: "
            "pip install 'gopfarm[tracing]', or set OTEL_SDK_DISABLED=true"
        ) from None
    shut_down()
    record_with(OpenTelemetryRecorder(f"gopfarm-{role}", exporters))


def shut_down() -> None:
    """Send the spans that are still to be sent, and record no more."""
    if recorder := record_with(None):
        recorder.shut_down()


def wanted(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the exporters that variables ask for. A variable that is empty counts as not set.

    Raises:
        SpecError: An exporter or protocol is not known here.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    names = environment.get(_EXPORTER, "")
    if not names.strip():
        names = "otlp" if any(environment.get(name, "").strip() for name in _ENDPOINTS) else "none"
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip() != "none"))
    for name in chosen:
        if name not in _EXPORTERS:
            raise SpecError(f"{_EXPORTER}: there is no exporter {name!r}; there are otlp, console and none")
    protocol = next((value for name in _PROTOCOLS if (value := environment.get(name, "").strip())), _PROTOCOL)
    if "otlp" in chosen and protocol != _PROTOCOL:
        raise SpecError(f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is not supported, only {_PROTOCOL}")
    return chosen
