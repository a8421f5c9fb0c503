"""The API's description of itself: OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import FieldError, ProblemDetails
from gopfarm.spec import JobSpec

_REFERENCE = "#/components/schemas/{model}"

_DESCRIPTION = """\
Submit videos to a transcoding farm, follow and steer its jobs, and watch the farm itself.

Every request carries a token (`Authorization: Bearer ...`) whose scopes say what it may do; another tenant's
jobs do not exist for it. Every error is a problem (RFC 9457). Times are seconds since 1970, durations are
seconds.
"""

_TAGS = [
    {"name": "jobs", "description": "One video each, from its submission to the published stream."},
    {"name": "events", "description": "What happens to jobs, as it happens."},
    {"name": "farm", "description": "Slots, workers, tenants and what waits, all together."},
    {"name": "webhooks", "description": "What is told to backends, and what was not heard."},
    {"name": "session", "description": "The token itself."},
    {"name": "health", "description": "For load balancers and Kubernetes; without a token."},
]

_SPEC_EXAMPLE = {
    "source": "s3://media/uploads/42.mp4",
    "destination": "s3://media/streams/42",
    "profile": "standard",
    "priority": 7,
    "tenant": "school",
    "idempotency_key": "upload-42",
    "metadata": {"course": 7},
}


def describe(app: FastAPI) -> None:
    """Let an application describe itself, with all models that its routes read by themselves."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way that FastAPI's manual shows


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="A distributed video transcoding farm.",
        description=_DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        tags=_TAGS,
        routes=app.routes,
    )
    schemas = document["components"]["schemas"]
    for model in (JobSpec, FieldError, ProblemDetails):
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas["JobSpec"]["examples"] = [_SPEC_EXAMPLE]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own form of errors
        schemas.pop(name, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
