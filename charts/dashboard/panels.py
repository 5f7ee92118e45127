"""The look of panels: one function for each kind in the dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS
from baileys_janitor.metrics.tenants import LEVEL_NUMBERS
from charts.dashboard.queries import NUMBERS

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
LEVELS = {number: level for level, number in LEVEL_NUMBERS.items()}
COLORS = {
    "Unknown": "#808080",
    "Healthy": "green",
    "Warning": "yellow",
    "Critical": "orange",
    "Emergency": "red",
}
GREEN, RED = "green", "red"
SEVERITIES = {"critical": "red", "warning": "orange", "info": "blue"}
PAINTED = {"custom.cellOptions": {"type": "color-background", "mode": "basic"}}
"""A table cell in the color of its value."""
Lines = Mapping[str, str]
"""Queries by their legends."""


def _painted(name: str) -> list[model.DynamicConfigValue]:
    color = {"mode": "fixed", "fixedColor": (COLORS | SEVERITIES)[name]}
    return [model.DynamicConfigValue(id_val="color", value=color)]


def named(colors: Mapping[str, str]) -> list[model.ValueMapping]:
    """Return mappings of words to their colors."""
    return [
        model.ValueMap(
            options={
                word: model.ValueMappingResult(color=color, index=index)
                for index, (word, color) in enumerate(colors.items())
            }
        )
    ]


def advice() -> list[model.ValueMapping]:
    """Return mappings of the numbers of faults and advice to their names, in the colors of their alerts."""
    severities = {"Stalled": "warning"} | {
        kind.type: kind.alert.severity for kind in CONDITIONS.values() if kind.alert is not None
    }
    colors = {kind: SEVERITIES.get(severities.get(kind, ""), "#808080") for kind in NUMBERS}
    return words({number: kind for kind, number in NUMBERS.items()}, colors)


def words(of: Mapping[int, str], colors: Mapping[str, str]) -> list[model.ValueMapping]:
    """Return mappings of numbers to words, in their colors."""
    named = {
        str(number): model.ValueMappingResult(text=word, color=colors.get(word), index=index)
        for index, (number, word) in enumerate(of.items())
    }
    return [model.ValueMap(options=named)]


NO_YES = words({0: "no", 1: "yes"}, {"no": GREEN, "yes": RED})


def levels() -> list[model.ValueMapping]:
    """Return mappings of levels' numbers to their names."""
    return words(LEVELS, COLORS)


def figures(
    title: str,
    told: str,
    queries: Lines,
    *,
    span: int = 4,
    unit: str = "short",
    mappings: Sequence[model.ValueMapping] = (),
    text: shapes.BigValueTextMode = shapes.BigValueTextMode.AUTO,
    painted: Iterable[str] = (),
) -> stat.Panel:
    """Return a panel of large figures with the current values."""
    panel = (
        stat.Panel()
        .title(title)
        .description(told)
        .datasource(SOURCE)
        .span(span)
        .height(4)
        .unit(unit)
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .text_mode(text)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .mappings(list(mappings))
        .no_value("-")
    )
    for letter, (legend, query) in zip("ABCDEFGH", queries.items(), strict=False):
        panel.with_target(
            prometheus.Dataquery().expr(query).instant().legend_format(legend).ref_id(letter)
        )
    for name in painted:
        panel.override_by_name(name, _painted(name))
    return panel


def lines(
    title: str,
    told: str,
    queries: Lines,
    *,
    span: int = 12,
    unit: str = "short",
    stacked: bool = False,
    dashed: str = "",
    painted: Iterable[str] = (),
) -> timeseries.Panel:
    """Return a graph over time; series whose name matches `dashed` are drawn as limits."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(told)
        .datasource(SOURCE)
        .span(span)
        .height(8)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(20 if stacked else 0)
        .show_points(shapes.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(shapes.LegendDisplayMode.LIST)
            .placement(shapes.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    for letter, (legend, query) in zip("ABCDEFGH", queries.items(), strict=False):
        panel.with_target(
            prometheus.Dataquery().expr(query).range().legend_format(legend).ref_id(letter)
        )
    if dashed:
        style = {"fill": "dash", "dash": [10, 10]}
        panel.override_by_regexp(
            dashed, [model.DynamicConfigValue(id_val="custom.lineStyle", value=style)]
        )
    for name in painted:
        panel.override_by_name(name, _painted(name))
    return panel


def rows(
    title: str,
    told: str,
    columns: Mapping[str, str],
    *,
    named: Mapping[str, str],
    without: Sequence[str] = (),
    looks: Mapping[str, Mapping[str, Any]],
    span: int = 24,
    height: int = 10,
) -> table.Panel:
    """Return a table with a query for each column. `named` has the labels' headings, `looks` the field options."""
    panel = table.Panel().title(title).description(told).datasource(SOURCE)
    panel.span(span).height(height).no_value("-")
    for letter, query in zip("ABCDEFGHIJ", columns.values(), strict=False):
        panel.with_target(
            prometheus.Dataquery()
            .expr(query)
            .instant()
            .format(PromQueryFormat.TABLE)
            .ref_id(letter)
        )
    one = len(columns) == 1
    heads = {
        "Value" if one else f"Value #{x}": head
        for x, head in zip("ABCDEFGHIJ", columns, strict=False)
    }
    order = [*named, *(heads)]
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(["Time", *without], True),
                "indexByName": {name: index for index, name in enumerate(order)},
                "renameByName": {**named, **heads},
            },
        )
    )
    for head, fields in looks.items():
        values = [
            model.DynamicConfigValue(id_val=key, value=value) for key, value in fields.items()
        ]
        panel.override_by_name(head, values)
    return panel
