"""Charts of a test's former results: how long it took, and the numbers that it wrote, each with its limits as lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from gridkeeper.bus.facts import Fact, Log
from gridkeeper.probes.perfdata import Item, Range, parse_perfdata

#: Fewer points than this say nothing about a course.
_LEAST_POINTS = 3
#: More charts than this nobody reads.
_MOST_LABELS = 4
_ACCENT = {"color": "var(--gk-accent)"}


@dataclass(slots=True)
class Course:
    """The values of one label in order of time; the limits are those of the newest result. name: id in the page."""

    name: str
    label: str
    newest: Item
    points: list[tuple[datetime, float]] = field(default_factory=list)

    @property
    def unit(self) -> str:
        return self.newest.uom

    @property
    def option(self) -> dict[str, Any]:
        """The chart, for `{% chart %}`."""
        lines = [*_limit("warning", self.newest.warning), *_limit("critical", self.newest.critical)]
        values = [value for _, value in self.points]
        option = _line([moment for moment, _ in self.points], values, self.unit)
        if lines:
            option["series"][0]["markLine"] = {"symbol": "none", "data": lines}
            # the library leaves limits outside of its axis where the values are far from them
            option["yAxis"]["max"] = max(*values, *(line["yAxis"] for line in lines)) * 1.08
        return option


def durations(facts: Sequence[Fact]) -> dict[str, Any] | None:
    """How long the runs took, oldest first; None where there is nothing to compare. `facts`: newest first."""
    if len(facts) < _LEAST_POINTS:
        return None
    ordered = facts[::-1]
    return _line([fact.executed_at for fact in ordered], [fact.duration_ms for fact in ordered], "ms")


def courses(logs: Sequence[Log]) -> list[Course]:
    """The numbers of the newest result over the results before it. `logs`: newest first."""
    if not logs:
        return []
    newest = {
        item.label: Course(f"course-{place}", item.label, item)
        for place, item in enumerate(parse_perfdata(logs[0].perfdata)[0])
    }
    for log in reversed(logs):
        for item in parse_perfdata(log.perfdata)[0]:
            if item.value is not None and item.label in newest:
                newest[item.label].points.append((log.executed_at, item.value))
    return [course for course in newest.values() if len(course.points) >= _LEAST_POINTS][:_MOST_LABELS]


def _line(moments: Sequence[datetime], values: Sequence[float], unit: str) -> dict[str, Any]:
    return {
        "grid": {"left": 56, "right": 16, "top": 14, "bottom": 24},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [f"{timezone.localtime(moment):%d %H:%M}" for moment in moments]},
        "yAxis": {"type": "value", "axisLabel": {"formatter": f"{{value}} {unit}".strip()}},
        "series": [{"type": "line", "symbolSize": 4, "lineStyle": _ACCENT, "itemStyle": _ACCENT, "data": list(values)}],
    }


def _limit(status: str, limits: Range | None) -> list[dict[str, Any]]:
    """The ends of the range that are numbers; 0 as the start is what a range has by default."""
    if limits is None:
        return []
    ends = [end for end in (limits.start or math.inf, limits.end) if math.isfinite(end)]
    colour = f"var(--s-{status})"
    label = {"formatter": f"{status} {{c}}", "color": colour, "position": "insideEndTop"}
    return [{"yAxis": end, "lineStyle": {"color": colour, "type": "dashed"}, "label": label} for end in ends]
