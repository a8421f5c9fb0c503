"""The errors of the farm: who has to act, and what the command line answers.

A user's mistake, a passing fault and a bug are three different things. The first two are raised as one of
these classes with a message fit to be shown as it is (one line, what is wrong, what to do). Anything else
that escapes is a bug: it is logged with its traceback and shown to nobody.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_JOB_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_SERVICE_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class FarmError(Exception):
    """Base of every error that the farm explains to its user.

    ``kind`` is the stable word that job records, events and ``--json`` output carry.
    """

    kind = "failed"
    exit_code = EXIT_JOB_FAILED


class SourceError(FarmError):
    """The source cannot be used: missing, empty, truncated, encrypted, not media. Retrying is pointless."""

    kind = "source"
    exit_code = EXIT_BAD_INPUT


class SourceChangedError(SourceError):
    """The source is not the one that was planned with: its bytes must not be mixed."""


class SpecError(FarmError):
    """The job spec, profile or a setting is wrong. Names the field and what is allowed."""

    kind = "spec"
    exit_code = EXIT_BAD_INPUT


class DestinationError(FarmError):
    """The destination cannot be written: no such bucket, no permission, a file in the way."""

    kind = "destination"
    exit_code = EXIT_BAD_INPUT


class CapabilityError(FarmError):
    """No live worker can do what the job asks for (such as NVENC on a farm without GPUs)."""

    kind = "capability"


class EncodeError(FarmError):
    """A task could not be encoded; another attempt may succeed."""

    kind = "encode"


class ScratchError(FarmError):
    """A worker's scratch folder cannot be written: a full or broken disk. Another worker may have room."""

    kind = "scratch"


class DamagedError(FarmError):
    """More of the source is damaged than the profile allows. Retrying is pointless."""

    kind = "damaged"


class WorkerLostError(FarmError):
    """The worker that ran a task was not heard of any more; another attempt may succeed."""

    kind = "lost"


class LimitError(FarmError):
    """The tenant has as many jobs as the operator allows; submit again when some have ended."""

    kind = "limit"


class VerifyError(FarmError):
    """What the workers delivered is not what was planned; nothing was published."""

    kind = "verify"


class JobFailedError(FarmError):
    """A job ended as failed; the message is its reason."""


class ServiceError(FarmError):
    """Redis or object storage does not answer. The message names the address that was tried."""

    kind = "service"
    exit_code = EXIT_SERVICE_UNREACHABLE


ERRORS_BY_KIND: dict[str, type[FarmError]] = {
    cls.kind: cls
    for cls in (
        FarmError,
        SourceError,
        SpecError,
        DestinationError,
        CapabilityError,
        EncodeError,
        ScratchError,
        DamagedError,
        VerifyError,
        WorkerLostError,
        LimitError,
        ServiceError,
    )
}


def error_from(kind: str, message: str) -> FarmError:
    """Rebuild an error that crossed a process or Redis as (kind, message)."""
    return ERRORS_BY_KIND.get(kind, FarmError)(message)
