"""The job spec: what a backend submits, as one JSON document."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gopfarm.errors import SpecError
from gopfarm.profile import Profile

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

#: Free metadata is carried in Redis, events and job.json; this bounds it, in bytes of JSON.
MAX_METADATA_BYTES = 16_384


class JobSpec(BaseModel):
    """One video to transcode. ``gopfarm schema`` prints this as JSON Schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="gopfarm job spec")

    source: str = Field(
        min_length=1,
        max_length=4096,
        description="s3://bucket/key, file:///path, a path, or https:// on a host that the farm allows.",
    )
    destination: str = Field(
        min_length=1, max_length=4096, description="s3://bucket/prefix, file:///folder, or a folder's path."
    )
    profile: str | Profile = Field(
        default="standard", description="Name of a profile that the farm knows, or a profile inline."
    )
    priority: int = Field(default=5, ge=0, le=9, description="9 is the most urgent, 0 the least.")
    tenant: Name = Field(default="default", description="Who the job belongs to; the farm is shared fairly.")
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Submitting again with the same key (and tenant) gives the first job, not a second one.",
    )
    webhook: str | None = Field(
        default=None,
        max_length=2048,
        description="https:// address that gets a POST when the job ends, on a host that the farm allows.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="Free JSON object, given back in events and in job.json (16 KiB at most).",
    )

    @field_validator("metadata")
    @classmethod
    def _metadata_is_small(cls, value: dict[str, Any]) -> dict[str, Any]:
        size = len(json.dumps(value))
        if size > MAX_METADATA_BYTES:
            raise ValueError(f"is {size} bytes of JSON, at most {MAX_METADATA_BYTES} are allowed")
        return value


def explain(error: ValidationError, what: str) -> str:
    """Say in one line which fields of ``what`` are wrong and what each of them allows."""
    faults = []
    for fault in error.errors(include_url=False):
        # A union reports each branch; its labels (such as "str" or "Profile") mean nothing to a user.
        path = [str(part) for part in fault["loc"] if part not in ("str", "Profile")]
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "is not a field that exists here"
        faults.append(f"{'.'.join(path) or what}: {message}")
    return f"{what} is not valid: " + "; ".join(dict.fromkeys(faults))


def parse_spec(document: str | bytes) -> JobSpec:
    """Read a job spec from JSON.

    Raises:
        SpecError: The document is not valid; the message names each field and what it allows.
    """
    try:
        return JobSpec.model_validate_json(document)
    except ValidationError as error:
        raise SpecError(explain(error, "job spec")) from None
