"""`/trends`: what flaps most, and what was longest or most often bad, over days or by month."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridkeeper.api.argo.expected_metrics import Metric
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.levels import Level
from gridkeeper.availability.tables import DAY_TABLE, TIMELINE_TABLE
from gridkeeper.availability.topology import validity
from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table, connect, lake_table_of, rows
from gridkeeper.lake.store import open_lake

#: ARGO's word of a level, ours, and the columns that name a place there, with ARGO's words for them.
LEVELS: Mapping[str, tuple[Level, Mapping[str, str]]] = {
    "groups": (Level.SITE, {"site_name": "endpoint_group"}),
    "services": (Level.FLAVOUR, {"site_name": "endpoint_group", "service_type": "service"}),
    "endpoints": (
        Level.SERVICE, {"site_name": "endpoint_group", "service_type": "service", "hostname": "endpoint"},
    ),
    "metrics": (
        Level.METRIC,
        {"site_name": "endpoint_group", "service_type": "service", "hostname": "endpoint", "metric": "metric"},
    ),
}  # fmt: skip
#: Whose trends ARGO shows, in its order.
STATUSES = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """level: ARGO's word; by_month: a list for each month; top: how many of each list, 0 for all"""

    window: Window
    report: Reported
    level: str
    by_month: bool = False
    top: int = 0


def flapping(wanted: Wanted) -> list[dict[str, Any]]:
    """The places whose status changed most, the restless first; by month where that is wanted."""
    level, columns = LEVELS[wanted.level]
    found = _sums(wanted, DAY_TABLE.name, level, list(columns), lambda table: table.flips.sum().cast("int64"))
    lines = [(row["month"], _place(row, columns) | {"flapping": row["value"]}) for row in found if row["value"]]
    if not wanted.by_month:
        return _cut((line for _, line in lines), wanted.top)
    return [{"date": month, "top": its} for month, its in _by(lines, wanted.top).items()]


def statuses(wanted: Wanted, metrics: Sequence[Metric] = ()) -> list[dict[str, Any]]:
    """For each bad status the places that had it longest (metrics: most often), by month where that is wanted.

    metrics: those of the report, for trends of metrics
    """
    events = MetricEvents(wanted, metrics) if wanted.level == "metrics" else None
    found = []
    for status in STATUSES:
        lines = events.lines(status) if events else _period_lines(wanted, status)
        for month, its in _by(lines, wanted.top).items():
            found.append(({"date": month} if wanted.by_month else {}) | {"status": status.name, "top": its})
    return sorted(found, key=lambda each: (each.get("date", ""), each["status"]))


def _period_lines(wanted: Wanted, status: Status) -> list[tuple[str, dict[str, Any]]]:
    level, columns = LEVELS[wanted.level]
    found = _sums(
        wanted,
        TIMELINE_TABLE.name,
        level,
        list(columns),
        lambda table: (table.end.epoch_seconds() - table.start.epoch_seconds()).sum().cast("int64"),
        status,
    )
    return [
        (row["month"], _place(row, columns) | {"status": status.name, "duration_in_minutes": row["value"] // _MINUTE_S})
        for row in found
        if row["value"] >= _MINUTE_S
    ]


def _sums(
    wanted: Wanted, name: str, level: Level, columns: list[str], measure: Any, status: Status | None = None
) -> list[dict[str, Any]]:
    """The sum of a measure for each place (and month), the greatest first."""
    lake = open_lake()
    if not lake.files(name, wanted.window):
        return []
    days = list(wanted.window.days())
    with connect() as con:
        table = lake_table_of(con, lake, name, wanted.window)
        table = table.filter((table.date >= days[0]) & (table.date <= days[-1]))
        table = table.filter((table.report == wanted.report.name) & (table.level == level.label))
        if status is not None:
            table = table.filter(table.status == status.value)
        month = table.date.strftime("%Y-%m") if wanted.by_month else _nothing()
        summed = table.mutate(month=month).group_by(["month", *columns]).agg(value=measure)
        return rows(summed.order_by(["month", _descending("value"), *columns]))


def _nothing() -> Any:
    import ibis

    return ibis.literal("")


def _descending(name: str) -> Any:
    import ibis

    return ibis.desc(name)


class MetricEvents:
    """How often the results of a report's metrics began to say something bad: its runs of one status, day by day."""

    def __init__(self, wanted: Wanted, metrics: Sequence[Metric]) -> None:
        self._wanted = wanted
        self._by_series: dict[int, list[Metric]] = {}
        for metric in metrics:
            self._by_series.setdefault(metric.series, []).append(metric)
        self._counted = list(self._count())

    def _count(self) -> Iterator[dict[str, Any]]:
        """Rows {day, series, status, events}. The runs of a settled day are read, not computed."""
        import pyarrow as pa

        facts, validities = open_facts(), validity()
        series = pa.table({"series": pa.array(sorted(self._by_series), pa.int64())})
        for day in self._wanted.window.days():
            with connect() as con:
                runs = facts.runs(con, day, validities).semi_join(arrow_table(con, series), "series")
                bad = runs.filter(runs.status.isin([status.value for status in STATUSES]))
                counted = bad.group_by(["series", "status"]).agg(events=bad.count())
                yield from ({"day": day} | row for row in rows(counted))

    def lines(self, status: Status) -> list[tuple[str, dict[str, Any]]]:
        """(month, line) of each metric that had that status, the most frequent first in each month."""
        sums: Counter[tuple[str, int]] = Counter()
        for row in self._counted:
            if row["status"] == status:
                month = f"{row['day']:%Y-%m}" if self._wanted.by_month else ""
                sums[month, row["series"]] += row["events"]
        named = [
            (month, _metric(metric) | {"status": status.name, "events": events})
            for (month, series), events in sums.items()
            for metric in self._by_series[series]
        ]
        return sorted(named, key=lambda line: (line[0], -line[1]["events"], *map(str, line[1].values())))


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "endpoint_group": metric.site, "service": metric.service_type, "endpoint": metric.hostname,
        "metric": metric.metric,
    }  # fmt: skip


def _place(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: row[ours] for ours, theirs in columns.items()}


def _by(lines: Iterable[tuple[str, dict[str, Any]]], top: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for month, line in lines:
        found.setdefault(month, []).append(line)
    return {month: _cut(its, top) for month, its in found.items()}


def _cut(lines: Iterable[dict[str, Any]], top: int) -> list[dict[str, Any]]:
    found = list(lines)
    return found[:top] if top else found
