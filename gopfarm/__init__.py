"""The shared vocabulary of the farm: specs, plans, tasks, time, storage, the job store, settings, errors."""

__version__ = "0.1.0"
