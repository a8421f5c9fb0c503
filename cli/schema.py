"""``gopfarm schema``: the job spec as JSON Schema."""

from __future__ import annotations

import json

import click

from cli.output import explains_errors, json_option
from gopfarm.spec import JobSpec


@click.command(epilog="\b\nExample:\n  gopfarm schema > job-spec.schema.json")
@json_option
@explains_errors
def schema(as_json: bool) -> None:
    """Print the JSON Schema (2020-12) of job specs, which are submitted as JSON."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **JobSpec.model_json_schema()}
    click.echo(json.dumps(document, indent=None if as_json else 2))
