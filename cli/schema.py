"""``gopfarm schema``: the job spec as JSON Schema, and the HTTP API as OpenAPI."""

from __future__ import annotations

import json
from typing import Any

import click

from cli.output import explains_errors, json_option
from gopfarm.spec import JobSpec


@click.command(
    epilog="\b\nExamples:\n  gopfarm schema > job-spec.schema.json\n  gopfarm schema --api > openapi.json"
)
@click.option("--api", "of_api", is_flag=True, help="The OpenAPI description of the HTTP API instead.")
@json_option
@explains_errors
def schema(of_api: bool, as_json: bool) -> None:
    """Print the JSON Schema (2020-12) of job specs, which are submitted as JSON."""
    document = _api() if of_api else _job_spec()
    click.echo(json.dumps(document, indent=None if as_json else 2))


def _job_spec() -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **JobSpec.model_json_schema()}


def _api() -> dict[str, Any]:
    from api.app import create_app
    from gopfarm.settings import Settings

    # It is the same for every farm; nothing is asked of this one.
    document: dict[str, Any] = create_app(Settings.model_construct()).openapi()
    return document
