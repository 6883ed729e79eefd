"""ECharts options of the pages of figures; each has a table twin on its page. Pure.

Colours are names of the shell's variables, which its script resolves for the theme.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gridkeeper.availability.grid import Line
from gridkeeper.availability.measures import Targets, value_of
from gridkeeper.availability.periods import Column

_COLOURS = {
    "full": "var(--s-ok)", "good": "var(--s-ok)", "near": "var(--s-warning)", "low": "var(--s-critical)",
    "share-0": "var(--s-ok)", "share-1": "var(--s-downtime)", "share-2": "var(--s-downtime)",
    "share-3": "var(--s-downtime)",
}  # fmt: skip
_GRID = {"left": 48, "right": 14, "top": 30, "bottom": 26}


def bars(line: Line, columns: Sequence[Column], measure: str, targets: Targets) -> dict[str, Any]:
    """A bar for each part of the period, the target as a line."""
    data: list[Any] = []
    for column in columns:
        seconds = line.parts.get((column.start, column.hour))
        value = None if seconds is None else value_of(seconds, measure)
        colour = _COLOURS.get(targets.grade(value, measure))
        data.append(None if value is None else {"value": float(round(value, 2)), "itemStyle": {"color": colour}})
    series = {"type": "bar", "name": measure.capitalize(), "data": data, "barCategoryGap": "25%"}
    return _over_time(columns, [series | _target_line(targets, measure)]) | {"grid": _GRID | {"top": 16}}


def spent(line: Line, columns: Sequence[Column]) -> dict[str, Any]:
    """How each part of the period was spent, in per cent of it, stacked."""
    kinds = {
        "Up": ("up_s", "var(--strip-ok)"), "Downtime": ("down_s", "var(--s-downtime)"),
        "Unknown": ("unknown_s", "var(--s-unknown)"), "Excluded": ("excluded_s", "var(--s-excluded)"),
        "Critical": ("critical_s", "var(--s-critical)"),
    }  # fmt: skip
    series = []
    for name, (column_name, colour) in kinds.items():
        parts = [line.parts.get((column.start, column.hour)) for column in columns]
        data = [
            round(100 * getattr(seconds, column_name) / seconds.total_s, 3) if seconds and seconds.total_s else None
            for seconds in parts
        ]
        if any(data):
            series.append(
                {
                    "type": "bar", "stack": "time", "name": name, "data": data, "barCategoryGap": "12%",
                    "itemStyle": {"color": colour},
                }
            )  # fmt: skip
    return _over_time(columns, series) | {"legend": {"top": 0, "right": 10, "textStyle": {"color": "var(--gk-ink)"}}}


def courses(named: Mapping[str, Line], columns: Sequence[Column], targets: Targets) -> dict[str, Any]:
    """Availability and reliability over time of some lines, with the target of availability."""
    colours = iter(("var(--gk-accent)", "var(--s-unknown)", "var(--s-warning)", "var(--s-downtime)"))
    series: list[dict[str, Any]] = []
    for name, line in named.items():
        for measure, style in (("availability", "solid"), ("reliability", "dashed")):
            colour = next(colours)
            values = [
                None if seconds is None or (value := value_of(seconds, measure)) is None else float(round(value, 2))
                for seconds in (line.parts.get((column.start, column.hour)) for column in columns)
            ]
            series.append(
                {
                    "type": "line", "name": f"{name}: {measure}" if len(named) > 1 else measure.capitalize(),
                    "data": values, "symbolSize": 5, "lineStyle": {"type": style, "width": 2, "color": colour},
                    "itemStyle": {"color": colour},
                }
            )  # fmt: skip
    if series:
        series[0] |= _target_line(targets, "availability")
    lows = [value for one in series for value in one["data"] if value is not None]
    least = min([float(targets.availability), *lows])
    option = _over_time(columns, series, least=0 if least < 60 else 50)
    return option | {"legend": {"top": 0, "right": 10, "textStyle": {"color": "var(--gk-ink)"}}}


def _target_line(targets: Targets, measure: str) -> dict[str, Any]:
    target = targets.of(measure)
    if target is None:
        return {}
    line = {"yAxis": float(target), "label": {"formatter": f"target {target} %", "position": "insideEndTop"}}
    return {
        "markLine": {
            "symbol": "none", "silent": True, "data": [line], "label": {"color": "var(--gk-ink)"},
            "lineStyle": {"color": "var(--gk-ink)", "type": "dashed"},
        }
    }  # fmt: skip


def _over_time(columns: Sequence[Column], series: list[dict[str, Any]], least: int = 0) -> dict[str, Any]:
    return {
        "grid": _GRID,
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [column.label for column in columns], "axisTick": {"show": False}},
        "yAxis": {"type": "value", "min": least, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": series,
    }


def ranking(labels: Sequence[str], hours: Sequence[float], name: str) -> dict[str, Any]:
    """Horizontal bars, the longest on top."""
    return {
        "grid": {"left": 10, "right": 40, "top": 6, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "value", "min": 0, "axisLabel": {"formatter": "{value} h"}},
        "yAxis": {
            "type": "category", "inverse": True, "data": list(labels), "axisTick": {"show": False},
            "axisLabel": {"width": 210, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "bar", "name": name, "data": [round(value, 2) for value in hours], "barMaxWidth": 16,
                "itemStyle": {"color": "var(--s-critical)"},
            }
        ],
    }  # fmt: skip
