"""Submitting a job: checked by the very rules that hold for the queue, and created at once.

The job is created in one atomic step of the store, as the scheduler's handler of a queued submission does it:
either it is there, or the caller has no answer and sends it again, with a key, to get the same job.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from api.auth import Caller
from api.problems import FieldError, Problem
from api.services import Services
from gopfarm import metrics, tracing
from gopfarm.errors import LimitError, SpecError
from gopfarm.log import get_logger
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec, explain_faults, faults_of
from gopfarm.storage.address import parse_destination, parse_source
from gopfarm.tenants import class_of
from scheduler.intake import check_webhook, job_id_for, resolve_profile
from scheduler.orders import create_job

log = get_logger(__name__)

#: The kind of problem that a spec is which is not valid.
_INVALID: Final = "invalid"

#: Seconds after which a tenant that has too many jobs may try again; some end all the time.
_FULL_RETRY_SECONDS = 30


@dataclass(frozen=True)
class Submission:
    """A job that was submitted: its id, and whether it is new."""

    job_id: str
    new: bool


def submit(
    services: Services, caller: Caller, document: bytes, key: str | None, traceparent: str | None
) -> Submission:
    """Check a job spec, as JSON, and create its job unless its key is known.

    The job belongs to the request's trace, or to that which the header ``traceparent`` names.

    Raises:
        Problem: The spec is not valid, the caller may not submit it, its tenant has too many jobs, or its key
            belongs to another job.
    """
    settings = services.settings
    try:
        spec = _complete(read_spec(document), caller, key)
        profile = check(spec, settings)
    except Problem as problem:
        if problem.kind.name == _INVALID:
            metrics.JOBS_REFUSED.labels(SpecError.kind).inc()
        raise
    job_id = job_id_for(spec, str(uuid.uuid4()))
    trace = tracing.begin(tracing.of_request(traceparent))
    try:
        new = create_job(services.jobs, settings, job_id, spec, profile, trace, time.time())
    except LimitError as error:
        metrics.JOBS_REFUSED.labels(error.kind).inc()
        raise full(error) from None
    # Without a key the id is new: if it is known, an answer of Redis got lost and the client asked twice.
    new = new or spec.idempotency_key is None
    if not new and services.jobs.spec(job_id) != spec:
        raise Problem("key-used", f"the key belongs to job {job_id}, which was submitted with another spec")
    if new:
        metrics.JOBS_SUBMITTED.labels(class_of(spec.tenant, settings.tenants)).inc()
    with services.jobs.about(job_id):
        log.info("job submitted" if new else "job known already")
    return Submission(job_id, new)


def read_spec(document: bytes) -> JobSpec:
    """Read a job spec from JSON.

    Raises:
        Problem: It is not valid; each field that is wrong is named.
    """
    try:
        return JobSpec.model_validate_json(document)
    except ValidationError as error:
        faults = faults_of(error)
        errors = [
            FieldError(location="body", field=field, detail=message)
            for field, messages in faults.items()
            for message in messages
        ]
        raise Problem(_INVALID, explain_faults(faults, "job spec"), errors) from None


def _complete(spec: JobSpec, caller: Caller, key: str | None) -> JobSpec:
    """Return the spec with the key of the request's header, and the tenant that the token stands for."""
    if key is not None:
        if spec.idempotency_key not in (None, key):
            raise _invalid("idempotency_key", "is another one than the header Idempotency-Key")
        spec = spec.model_copy(update={"idempotency_key": key})
    if "tenant" not in spec.model_fields_set and caller.tenants is not None and len(caller.tenants) == 1:
        spec = spec.model_copy(update={"tenant": next(iter(caller.tenants))})
    if not caller.sees(spec.tenant):
        raise Problem("forbidden", f"the token may not submit jobs of tenant {spec.tenant}")
    return spec


def check(spec: JobSpec, settings: Settings) -> Profile:
    """Refuse what a scheduler would refuse; return the profile that is asked for.

    Raises:
        Problem: The profile is not known, an address is of no form that exists, or a host is not allowed.
    """
    with _about("source"):
        parse_source(spec.source, settings.source_hosts)
    with _about("destination"):
        parse_destination(spec.destination)
    with _about("webhook"):
        check_webhook(spec, settings)
    with _about("profile"):
        return resolve_profile(spec, settings)


@contextmanager
def _about(field: str) -> Iterator[None]:
    """Name the field that what is wrong in the block is wrong with."""
    try:
        yield
    except SpecError as error:
        raise _invalid(field, str(error).removeprefix(f"{field}: ")) from None


def full(error: LimitError) -> Problem:
    """Return the problem of a tenant that has as many jobs as it may."""
    return Problem("tenant-limit", str(error), headers={"Retry-After": str(_FULL_RETRY_SECONDS)})


def _invalid(field: str, detail: str) -> Problem:
    error = FieldError(location="body", field=field, detail=detail)
    return Problem(_INVALID, f"job spec is not valid: {field}: {detail}", [error])
