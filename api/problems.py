"""Every error that the HTTP API answers: problem details for HTTP APIs (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from gopfarm.redact import redact

MEDIA_TYPE = "application/problem+json"

#: Seconds after which a caller should try again when Redis, or all that a token may do, is away for now.
RETRY_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name in ``type``, its status, and its title, which is always the same."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The problem's ``type``."""
        return f"urn:gopfarm:problem:{self.name}"


#: All kinds that there are. docs/api.md says what to do about each.
KINDS = tuple(
    Kind(*row)
    for row in (
        ("bad-request", 400, "The request cannot be read"),
        ("unauthorized", 401, "A valid token is needed"),
        ("forbidden", 403, "The token does not allow this"),
        ("not-found", 404, "There is no such thing"),
        ("method-not-allowed", 405, "The method does not exist here"),
        ("conflict", 409, "The job's state does not allow this"),
        ("key-used", 409, "The idempotency key belongs to another job"),
        ("too-large", 413, "The request is too large"),
        ("not-json", 415, "The body must be JSON"),
        ("bad-range", 416, "The file has no such part"),
        ("invalid", 422, "The request is not valid"),
        ("too-many-requests", 429, "Too many requests"),
        ("tenant-limit", 429, "The tenant has as many jobs as it may"),
        ("internal", 500, "An internal error"),
        ("destination", 502, "The job's destination cannot be read"),
        ("unavailable", 503, "The farm cannot be reached for now"),
    )
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_STATUS = {kind.status: kind for kind in reversed(KINDS)}

ProblemName = Literal[
    "bad-request",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "conflict",
    "key-used",
    "too-large",
    "not-json",
    "bad-range",
    "invalid",
    "too-many-requests",
    "tenant-limit",
    "internal",
    "destination",
    "unavailable",
]


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    model_config = ConfigDict(frozen=True)

    location: Literal["body", "query", "path", "header"] = Field(description="Where the part is.")
    field: str = Field(
        description="Its name, with dots for what lies deeper; empty for all of it.",
        examples=["profile.renditions.0.height"],
    )
    detail: str = Field(description="What is wrong with it, or what it allows.")


class ProblemDetails(BaseModel):
    """Why a request was refused or could not be served (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:gopfarm:problem:invalid",
                "title": "The request is not valid",
                "status": 422,
                "detail": "job spec is not valid: priority: Input should be less than or equal to 9",
                "instance": "/api/v1/jobs",
                "request_id": "5f0c41d1a1c64cf0a1f0a7d3f6f0a1b2",
                "errors": [
                    {
                        "location": "body",
                        "field": "priority",
                        "detail": "Input should be less than or equal to 9",
                    }
                ],
            }
        }
    )

    type: str = Field(description="The kind of problem; docs/api.md lists them.")
    title: str = Field(description="The kind in words, always the same.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong in this case, for people.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str | None = Field(default=None, description="The request in the API's log.")
    errors: list[FieldError] | None = Field(default=None, description="The parts that are wrong.")


class Problem(HTTPException):
    """Ends a request with a problem.

    Args:
        name: Its kind.
        detail: What is wrong in this case, for people; secrets are taken out.
        errors: The parts of the request that are wrong.
        headers: More headers for the answer.
    """

    def __init__(
        self,
        name: ProblemName,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = _BY_NAME[name]
        self.errors = tuple(errors)
        super().__init__(self.kind.status, detail, dict(headers or {}))


def unavailable(detail: str) -> Problem:
    """Return the problem of a farm that is out of reach for now."""
    return Problem("unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def answer(request: Request, problem: HTTPException) -> JSONResponse:
    """Return the response that tells of a problem, or of any error that the framework raises."""
    ours = problem if isinstance(problem, Problem) else None
    kind = ours.kind if ours else _BY_STATUS.get(problem.status_code)
    details = ProblemDetails(
        type=kind.uri if kind else "about:blank",
        title=kind.title if kind else HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        detail=redact(str(problem.detail)),
        instance=request.url.path,
        request_id=getattr(request.state, "request_id", None),
        errors=list(ours.errors) or None if ours else None,
    )
    return JSONResponse(
        details.model_dump(exclude_none=True),
        status_code=problem.status_code,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def invalid_request(error: RequestValidationError) -> Problem:
    """Return the problem of parameters that are not valid; a path that cannot exist is not found."""
    errors = [_field_error(fault) for fault in error.errors()]
    if any(fault.location == "path" for fault in errors):
        return Problem("not-found", "there is nothing of this name: it is not one that exists")
    detail = "; ".join(f"{fault.field or fault.location}: {fault.detail}" for fault in errors)
    return Problem("invalid", detail, errors)


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    place = [str(part) for part in fault["loc"]]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "json_invalid":  # the place is how far reading got, which is no field
        place, message = place[:1], f"Invalid JSON: {fault['ctx']['error']}"
    if place[0] == "query":  # of a list of values, which one is wrong is seen by its text
        place = place[:2]
    location = place[0] if place and place[0] in ("body", "query", "path", "header") else "body"
    return FieldError.model_validate(
        {
            "location": location,
            "field": ".".join(place[1:]),
            "detail": redact(message),
        }
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of problems with these statuses, besides those that any route may have."""
    return {status: _DOCUMENTED[status] for status in sorted({*statuses, *_ANY_ROUTE})}


#: What every route may answer that asks for a token.
_ANY_ROUTE = (401, 403, 422, 429, 503)

_DOCUMENTED: dict[int, dict[str, Any]] = {
    status: {
        "description": "; or: ".join(kind.title for kind in KINDS if kind.status == status) + ".",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        **(
            {
                "headers": {
                    "Retry-After": {
                        "description": "Seconds after which to try again.",
                        "schema": {"type": "integer", "minimum": 1},
                    }
                }
            }
            if status in (429, 503)
            else {}
        ),
    }
    for status in {kind.status for kind in KINDS}
}
