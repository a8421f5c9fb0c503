"""The kinds of panels that the dashboards are made of, and the frame around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    FieldColor,
    QueryVariable,
    Row,
    TextBoxVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, VariableOption

from dashboards.queries import FARM

#: Where the runbooks are, as in the rules. The chart puts the value ``metrics.runbooks`` in its place.
RUNBOOKS = "docs/runbooks.md"

#: Columns of Grafana's grid, and its rows that panels take.
COLUMNS = 24
GRAPH_HEIGHT, FIGURE_HEIGHT = 8, 4

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
ALL = VariableOption(selected=True, text="All", value="$__all")

Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel


@dataclass(frozen=True)
class Query:
    """What a panel asks Prometheus.

    Args:
        expr: PromQL.
        legend: Name of each series, with labels in double braces.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Limits:
    """From where on a value is yellow and red; falling ones are so below these instead of above."""

    yellow: float
    red: float

    def config(self) -> ThresholdsConfig:
        """Return Grafana's form."""
        if self.yellow < self.red:
            steps = [(None, "green"), (self.yellow, "yellow"), (self.red, "red")]
        else:
            steps = [(None, "red"), (self.red, "yellow"), (self.yellow, "green")]
        return (
            ThresholdsConfig()
            .mode(dashboard.ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=value, color=color) for value, color in steps])
        )


_NO_LIMITS = (
    ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps([Threshold(value=None, color="blue")])
)


def _described(words: str, alert: str) -> str:
    return f"{words}\n\nRunbook: {RUNBOOKS}#{alert.lower()}" if alert else words


def _targets(queries: tuple[Query, ...], instant: bool) -> list[Dataquery]:
    made = []
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        target = Dataquery().datasource(SOURCE).ref_id(letter).expr(query.expr).legend_format(query.legend)
        made.append(target.instant() if instant else target.range())
    return made


def graph(
    title: str,
    tells: str,
    unit: str,
    *queries: Query,
    width: int = 8,
    stacked: bool = False,
    limits: Limits | None = None,
    alert: str = "",
) -> Panel:
    """Return values over time.

    Args:
        title: Its heading.
        tells: What it shows and what is good, for who hovers over it.
        unit: Grafana's name of the unit, such as "s", "bytes", "percentunit".
        queries: What it asks.
        width: Columns of 24.
        stacked: Whether the series add up.
        limits: Lines where it becomes yellow and red.
        alert: The alert whose runbook helps.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(_described(tells, alert))
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(GRAPH_HEIGHT)
        .fill_opacity(40 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    if stacked:
        panel.stacking(StackingConfig().mode(common.StackingMode.NORMAL))
    if limits is not None:
        panel.thresholds(limits.config())
        panel.thresholds_style(GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED))
    return panel.targets(list(_targets(queries, instant=False)))


def figure(
    title: str,
    tells: str,
    unit: str,
    *queries: Query,
    width: int = 4,
    limits: Limits | None = None,
    alert: str = "",
    whole_range: bool = False,
) -> Panel:
    """Return the latest value, large, over a small graph of it; arguments as for ``graph``.

    With ``whole_range`` it is one value for all that the dashboard shows, and there is no graph.
    """
    panel = (
        stat.Panel()
        .title(title)
        .description(_described(tells, alert))
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(FIGURE_HEIGHT)
        .no_value("-")
        .thresholds(limits.config() if limits else _NO_LIMITS)
        .color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE if whole_range else common.BigValueGraphMode.AREA)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel.targets(list(_targets(queries, instant=whole_range)))


def bars(title: str, tells: str, unit: str, *queries: Query, width: int = 8) -> Panel:
    """Return one value a series for all that the dashboard shows, as bars; arguments as for ``graph``."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(tells)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(GRAPH_HEIGHT)
        .no_value("-")
        .thresholds(_NO_LIMITS)
        .color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel.targets(list(_targets(queries, instant=True)))


def values_of(label: str, metric: str, *, farm: bool = True, name: str = "") -> QueryVariable:
    """Return a variable with all values of a metric's label. "All" also matches series without it."""
    matched = f"{metric}{{{FARM}}}" if farm else metric
    return (
        QueryVariable(label)
        .label(name or label.capitalize())
        .datasource(SOURCE)
        .query({"query": f"label_values({matched}, {label})", "refId": label})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(ALL)
    )


def number(name: str, label: str, value: str, description: str) -> TextBoxVariable:
    """Return a variable into which the reader writes a number."""
    return (
        TextBoxVariable(name)
        .label(label)
        .description(description)
        .default_value(value)
        .current(VariableOption(text=value, value=value))
    )


class Board:
    """A dashboard that grows row by row.

    Args:
        uid: Its stable name in addresses, and its file's.
        title: Its heading.
        description: The question that it answers.
        since: How far back it looks at first, such as "6h".
        refresh: How often it asks anew.
        variables: What the reader may choose, besides the farm.
    """

    def __init__(
        self,
        uid: str,
        title: str,
        description: str,
        since: str,
        refresh: str,
        *variables: QueryVariable | TextBoxVariable,
    ) -> None:
        self.uid = uid
        self._panels = 0
        self._dashboard = (
            Dashboard(title)
            .uid(uid)
            .description(description)
            .tags(["gopfarm"])
            .time(f"now-{since}", "now")
            .refresh(refresh)
            .timezone("browser")
            .editable()
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .link(
                DashboardLink("gopfarm")
                .type(dashboard.DashboardLinkType.DASHBOARDS)
                .tags(["gopfarm"])
                .include_vars(True)
                .keep_time(True)
            )
            .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
            .with_variable(values_of("namespace", "gopfarm_build_info", farm=False, name="Farm (namespace)"))
        )
        for variable in variables:
            self._dashboard.with_variable(variable)

    def row(self, title: str, *panels: Panel) -> None:
        """Add a row; its panels are laid out from left to right, and on as many lines as they take."""
        self._panels += 1
        self._dashboard.with_row(Row(title).id(self._panels))
        for panel in panels:
            self._panels += 1
            self._dashboard.with_panel(panel.id(self._panels))

    def build(self) -> dashboard.Dashboard:
        """Return Grafana's form."""
        return self._dashboard.build()
