"""Grafana's dashboards of a farm, as code: ``make dashboards`` writes them as JSON into the chart.

Each answers one question of an operator: ``farm`` (does it keep up, is it fast), ``health`` (is anything
wrong), ``cost`` (what does it take, and for whom). Panels are built from the few kinds in ``panels``, queries
from the words in ``queries``.
"""

from __future__ import annotations

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.cost import cost
from dashboards.farm import farm
from dashboards.health import health

__all__ = ["documents"]


def documents() -> dict[str, str]:
    """Return the text of every dashboard's file, by its name."""
    boards = (farm(), health(), cost())
    return {
        f"{board.uid}.json": json.dumps(board.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
        for board in boards
    }
