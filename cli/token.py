"""``gopfarm token``: who may call the HTTP API."""

from __future__ import annotations

import json

import click

from cli.output import explains_errors, json_option, print_json
from gopfarm.errors import SpecError
from gopfarm.spec import is_name
from gopfarm.tokens import SCOPES, ApiToken, Scope, digest_of, new_token


@click.command(
    epilog="""\b
Examples:
  gopfarm token backend --scope jobs:read --scope jobs:write --tenant school
  gopfarm token operator --json"""
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do (repeatable); by default everything.",
)
@click.option("--tenant", "tenants", multiple=True, help="Only for this tenant (repeatable); by default all.")
@json_option
@explains_errors
def token(name: str, scopes: tuple[Scope, ...], tenants: tuple[str, ...], as_json: bool) -> None:
    """Make a token for the HTTP API, and the entry of GOPFARM_API_TOKENS that lets it in.

    The token is shown this once; only its SHA-256 is kept, in the entry.
    """
    for option, word in (("NAME", name), *(("--tenant", tenant) for tenant in tenants)):
        if not is_name(word):
            raise SpecError(f"{option}: 1 to 64 letters, digits, dots, hyphens and underscores")
    secret = new_token()
    entry = ApiToken.model_validate(
        {"sha256": digest_of(secret), "scopes": scopes or SCOPES, "tenants": tenants or None}
    )
    document = {
        "sha256": entry.sha256,
        "scopes": sorted(entry.scopes),
        **({"tenants": sorted(entry.tenants)} if entry.tenants else {}),
    }
    if as_json:
        print_json({"token": secret, "entry": {name: document}})
        return
    click.echo(f"token  {secret}")
    click.echo(f"entry  {json.dumps({name: document})}")
    click.echo(
        "The token is not kept anywhere: hand it over now. The entry goes into GOPFARM_API_TOKENS.", err=True
    )
