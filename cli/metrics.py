"""``gopfarm metrics``: what Prometheus can ask of the farm."""

from __future__ import annotations

import click

from cli.output import explains_errors, json_option, print_json


@click.command(
    epilog="""\b
Examples:
  gopfarm metrics
  gopfarm metrics --json
  gopfarm metrics --markdown > docs/metrics.md"""
)
@click.option("--markdown", "as_page", is_flag=True, help="Print the page docs/metrics.md.")
@json_option
@explains_errors
def metrics(as_page: bool, as_json: bool) -> None:
    """Print every metric: its name, type, labels, and what it tells."""
    from gopfarm.metrics.page import as_data, markdown

    if as_json and as_page:
        raise click.UsageError("--markdown and --json: give one of them")
    if as_json:
        print_json(as_data())
    elif as_page:
        click.echo(markdown(), nl=False)
    else:
        for metric in as_data():
            labels = f"{{{','.join(metric['labels'])}}}" if metric["labels"] else ""
            click.echo(f"{metric['name']}{labels}  ({metric['type']}, {', '.join(metric['exported_by'])})")
            click.echo(f"    {metric['help']}")
