"""The job spec: what a backend submits, as one JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator

from gopfarm.errors import SpecError
from gopfarm.profile import Profile

#: How tenants, classes of them, and tokens may be called: fit for labels, keys and addresses.
_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Name = Annotated[str, Field(pattern=_NAME_PATTERN)]

#: What can happen to a job, as far as webhooks tell of it.
WebhookEvent = Literal["job.done", "job.failed", "job.cancelled", "job.progress", "job.playable"]

#: When viewers see the stream: once it is whole, or from its first segments on, as it grows.
PublishMode = Literal["whole", "progressive"]

#: The two ways to give a profile, as pydantic labels them in the place of a fault.
_NAMED, _INLINE = "named", "inline"

#: Free metadata is carried in Redis, events and job.json; this bounds it, in bytes of JSON.
MAX_METADATA_BYTES = 16_384


def _profile_form(value: Any) -> str:
    return _NAMED if isinstance(value, str) else _INLINE


def is_name(text: str) -> bool:
    """Tell whether a text may be a ``Name``."""
    return re.fullmatch(_NAME_PATTERN, text) is not None


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
    profile: Annotated[
        Annotated[str, Tag(_NAMED)] | Annotated[Profile, Tag(_INLINE)], Discriminator(_profile_form)
    ] = Field(default="standard", description="Name of a profile that the farm knows, or a profile inline.")
    publish: PublishMode = Field(
        default="whole",
        description="whole: viewers see nothing before everything is there. progressive: the HLS playlists "
        "grow from the first segments on, and are whole at the end.",
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
    webhook_events: tuple[WebhookEvent, ...] = Field(
        default=("job.done", "job.failed", "job.cancelled"),
        min_length=1,
        max_length=16,
        description="What the webhook hears of: the ends of the job, with job.progress each tenth of it, and "
        "with job.playable the moment from which it can be watched.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="Free JSON object, given back in events and in job.json (16 KiB at most).",
    )

    @field_validator("source", "destination")
    @classmethod
    def _means_the_same_everywhere(cls, value: str) -> str:
        if "://" not in value and not value.startswith("/"):
            raise ValueError(
                "must be an address or an absolute path: a relative one means another file elsewhere"
            )
        return value

    @field_validator("metadata")
    @classmethod
    def _metadata_is_small(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(json.dumps(value, allow_nan=False))
        except ValueError:
            raise ValueError("has a number that JSON cannot say, such as NaN or Infinity") from None
        if size > MAX_METADATA_BYTES:
            raise ValueError(f"is {size} bytes of JSON, at most {MAX_METADATA_BYTES} are allowed")
        return value


def faults_of(error: ValidationError) -> dict[str, list[str]]:
    """Return what is wrong, by field; names of fields that lie deeper have dots, '' is the whole."""
    details = error.errors(include_url=False)
    faults: dict[str, list[str]] = {}
    for fault in details:
        place = fault["loc"]
        below = [other for other in details if other["loc"][: len(place)] == place and other["loc"] != place]
        if fault["type"] == "too_short" and below:
            continue  # a list counts as too short also when one of its items is wrong
        path = [str(part) for part in place]
        if path[:1] == ["profile"] and path[1:2] in ([_NAMED], [_INLINE]):
            del path[1]
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "is not a field that exists here"
        said = faults.setdefault(".".join(path), [])
        if message not in said:
            said.append(message)
    return faults


def explain(error: ValidationError, what: str) -> str:
    """Say in one line which fields of ``what`` are wrong and what each of them allows."""
    return explain_faults(faults_of(error), what)


def explain_faults(faults: Mapping[str, Sequence[str]], what: str) -> str:
    """Say in one line what ``faults_of`` has found."""
    lines = [
        f"{field}: {message}" if field else message
        for field, messages in faults.items()
        for message in messages
    ]
    # Names of unknown fields are the user's own and may hold line breaks.
    return " ".join(f"{what} is not valid: {'; '.join(lines)}".split())


def make_spec(**fields: Any) -> JobSpec:
    """Make a job spec from fields.

    Raises:
        SpecError: A field is not valid; the message names it and what it allows.
    """
    try:
        return JobSpec(**fields)
    except ValidationError as error:
        raise SpecError(explain(error, "job spec")) from None


def parse_spec(document: str | bytes) -> JobSpec:
    """Read a job spec from JSON.

    Raises:
        SpecError: The document is not valid; the message names each field and what it allows.
    """
    try:
        return JobSpec.model_validate_json(document)
    except ValidationError as error:
        raise SpecError(explain(error, "job spec")) from None
