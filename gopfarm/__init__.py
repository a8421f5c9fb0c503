"""The shared vocabulary of the farm: specs, plans, tasks, time, storage, the job store, settings, errors."""

import sys

__version__ = "0.1.0"

# redis-py loads the metrics of OpenTelemetry's SDK wherever that is installed, for figures of its own that
# nothing here asks for. That makes a third of the time in which it is loaded, in every process and command.
sys.modules.setdefault("opentelemetry.sdk.metrics", None)  # type: ignore[arg-type]
