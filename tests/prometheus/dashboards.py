"""The dashboards' files, as Grafana reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.prometheus.rules import ROOT

FOLDER = ROOT / "helm" / "gopfarm" / "dashboards"


@dataclass(frozen=True)
class PanelQuery:
    """A query of a panel."""

    board: str
    panel: str
    expr: str

    def __str__(self) -> str:
        return f"{self.board} / {self.panel}: {self.expr}"


@dataclass(frozen=True)
class DashboardFile:
    """A dashboard and what it asks."""

    name: str
    document: dict[str, Any]

    @property
    def panels(self) -> list[dict[str, Any]]:
        """All panels that show something."""
        return [panel for panel in self.document["panels"] if panel["type"] != "row"]

    @property
    def queries(self) -> list[PanelQuery]:
        """The queries of all panels."""
        return [
            PanelQuery(self.name, panel["title"], target["expr"])
            for panel in self.panels
            for target in panel["targets"]
        ]

    @property
    def variables(self) -> list[dict[str, Any]]:
        """What a reader may choose."""
        return list(self.document["templating"]["list"])


#: Dashboards by the name of their files.
DASHBOARDS = {
    path.name: DashboardFile(path.stem, json.loads(path.read_text())) for path in FOLDER.glob("*.json")
}
