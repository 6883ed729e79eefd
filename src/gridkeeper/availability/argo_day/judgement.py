"""The day of a directory judged by the plan: a tree from its topology and profiles, runs from its results.

Recomputations and downtimes become overrides of the tree, so that they end where the mode says
(availability.md sections 2 and 5).
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gridkeeper.availability.argo_day.day import ArgoDay
from gridkeeper.availability.argo_day.files import Report
from gridkeeper.availability.argo_day.metric_data import Result
from gridkeeper.availability.argo_day.recomputations import Change
from gridkeeper.availability.levels import WITH_TIMELINES, Level
from gridkeeper.availability.operations import OperationsError
from gridkeeper.availability.rules import Mode, Rules, Seconds
from gridkeeper.availability.tree import Combination, Expected, Override, Path, Tree
from gridkeeper.core.windows import DAY, Window

DAY_S = 86_400
#: How long a result says something, where no test declares it (availability.md section 2). ARGO knows no validity: the
#: last result of the day before holds until the day's first, or to its end.
_VALIDITY_S: dict[Mode, int] = {"gridkeeper": DAY_S, "argo-compat": 2 * DAY_S}
#: After which ARGO ends a downtime.
_LATE_S = 60
_REPORT = "argo-day"
#: Stands where a group is in no group.
_NOWHERE = "-"
#: The levels of ARGO, in the order in which they are put out, and the words of a node's key there.
LEVELS: dict[Level, tuple[str, ...]] = {
    Level.SITE: ("group",),
    Level.FUNCTION: ("group", "function"),
    Level.FLAVOUR: ("group", "service"),
    Level.SERVICE: ("group", "service", "hostname"),
    Level.METRIC: ("group", "service", "hostname", "metric"),
}
_MICROSECOND = timedelta(microseconds=1)
#: A result is kept as one number, its instant above the code of its status: a day has millions.
_CODE_BITS = 8
_CODE_MASK = (1 << _CODE_BITS) - 1


class Judged(NamedTuple):
    """A node: its key, how its day went, and its changes as (second, state)."""

    key: tuple[str, ...]
    seconds: Seconds
    timeline: list[tuple[int, str]]


Judgements = dict[Level, list[Judged]]


def judge_day(day: ArgoDay, mode: Mode, report: Report) -> Judgements:
    """Every node of every level, sorted by key. Results that do not count are reported."""
    tree = tree_of(day, mode, report)
    heard = _Heard(day, tree, mode)
    for result in day.results(report):
        heard.take(result)
    heard.report_to(report)
    return _judged(day, tree, mode, heard.runs())


def tree_of(day: ArgoDay, mode: Mode, report: Report) -> Tree:
    """What is expected of the day. Groups that no group stands above are left out, where there are groups at all."""
    aggregation = day.aggregation
    tree = Tree(
        functions={(_REPORT, service): aggregation.functions_of(service) for service in day.metrics.of_service},
        combinations={_REPORT: _combination(day)},
    )
    left_out = sorted({each.group for each in day.endpoints if day.above and each.group not in day.above})
    for group in left_out:
        report.add("topology_endpoints.json", group, "is in none of the groups of topology_groups.json; left out")
    for endpoint in day.endpoints:
        if endpoint.group in left_out or aggregation.operation_of(endpoint.service) is None:
            continue
        region = day.above.get(endpoint.group, _NOWHERE)
        service = Path(_REPORT, region, endpoint.group, endpoint.service, endpoint.hostname)
        for metric in day.metrics.of_service.get(endpoint.service, ()):
            is_new = (endpoint.service, metric) in day.metrics.new
            path = service._replace(metric=metric)
            tree.expect(Expected(path, len(tree.expected), _VALIDITY_S[mode], 0, DAY_S, is_new))
    tree.weights = {path: day.weights[path.site] for path in tree.numbers if _is_weighed(path, day.weights)}
    tree.overrides = list(_Overrides(day, tree, mode, report).all())
    return tree


def _combination(day: ArgoDay) -> Combination:
    aggregation = day.aggregation
    services = {service for function in aggregation.functions for service in function.services}
    return Combination(
        metrics=aggregation.metric_operation,
        flavours={service: aggregation.operation_of(service) or "OR" for service in services},
        functions={function.name: function.operation for function in aggregation.functions},
        sites=aggregation.profile_operation,
    )


def _is_weighed(path: Path, weights: Mapping[str, float]) -> bool:
    return path.level is Level.SITE and path.site in weights


def key_of(path: Path) -> tuple[str, ...]:
    """The words of a node that name it at its level."""
    return tuple(_place_of(path)[word] for word in LEVELS[path.level])


def _place_of(path: Path) -> dict[str, str]:
    names = {
        "group": path.site, "function": path.function, "service": path.service_type,
        "hostname": path.hostname, "metric": path.metric,
    }  # fmt: skip
    return {name: word for name, word in names.items() if word}


class _Overrides:
    """Downtimes and recomputations as statuses of nodes; within a level the later of the list wins."""

    def __init__(self, day: ArgoDay, tree: Tree, mode: Mode, report: Report) -> None:
        self._day, self._mode, self._report = day, mode, report
        self._midnight = Window.of_day(day.day).start
        self._places: dict[str, list[tuple[Path, dict[str, str]]]] = {}
        for path in tree.numbers:
            if path.level in LEVELS:
                self._places.setdefault(LEVELS[path.level][-1], []).append((path, _place_of(path)))

    def all(self) -> Iterator[Override]:
        # A downtime holds whatever the tests say, and before anybody's request.
        yield from self._downtimes()
        for change in self._day.recomputations.changes:
            yield from self._of(change)

    def _downtimes(self) -> Iterator[Override]:
        late_s = _LATE_S if self._mode == "argo-compat" else 0
        endpoints: dict[tuple[str, str], list[Path]] = {}
        for path, _ in self._places.get("hostname", ()):
            endpoints.setdefault((path.hostname, path.service_type), []).append(path)
        for downtime in self._day.downtimes:
            start_s, end_s = downtime.period.seconds_from(self._midnight)
            # What ended before the day is not prolonged into it.
            if start_s >= DAY_S or end_s < 0:
                continue
            start_s, end_s = max(start_s, 0), min(end_s + late_s, DAY_S)
            for path in endpoints.get((downtime.hostname, downtime.service), ()):
                if start_s < end_s:
                    yield Override(path, start_s, end_s, self._day.operations.down)

    def _of(self, change: Change) -> Iterator[Override]:
        status = change.status or self._day.operations.unknown
        try:
            self._day.operations.code(status)
        except OperationsError as error:
            self._report.add("recomputations.json", "", f"{error}; the change is left out")
            return
        seconds = change.seconds(self._midnight, DAY_S, self._mode)
        if seconds is None:
            return
        for path, place in self._places.get(change.level, ()):
            if change.is_about(place):
                yield Override(path, *seconds, status)


@dataclass(frozen=True, slots=True)
class _Node:
    """A metric of a group: its series, and whether only this day's results say something of it."""

    series: int
    group: str
    is_new: bool


class _Heard:
    """Results by series; the same result counts in every group that its endpoint stands in."""

    def __init__(self, day: ArgoDay, tree: Tree, mode: Mode) -> None:
        self._day, self._mode = day, mode
        self._midnight = Window.of_day(day.day).start
        self._nodes: dict[tuple[str, str, str], list[_Node]] = {}
        for line in tree.expected:
            place = (line.path.service_type, line.path.hostname, line.path.metric)
            self._nodes.setdefault(place, []).append(_Node(line.series, line.path.site, line.is_new))
        self._series: dict[int, array[int]] = {}
        self._ignored: dict[str, int] = {}

    def take(self, result: Result) -> None:
        nodes = self._nodes.get((result.service, result.hostname, result.metric))
        if nodes is None:
            self._ignore("of what no topology and no profile names")
        elif not self._midnight - DAY <= result.at < self._midnight + DAY:
            self._ignore(f"neither of {self._day.day} nor of the day before")
        elif self._day.recomputations.is_excluded(result.monitoring_host, result.at, self._mode):
            self._ignore("of monitoring hosts that a recomputation excludes")
        else:
            for node in nodes:
                self._hear(node, result)

    def _hear(self, node: _Node, result: Result) -> None:
        # A metric that is new has no status before its first result of the day (ARGO: unknown until then).
        if node.is_new and result.at < self._midnight:
            return
        at = (result.at - self._midnight) // _MICROSECOND
        heard = self._series.get(node.series)
        if heard is None:
            heard = self._series[node.series] = array("q")
        heard.append((at << _CODE_BITS) | self._code(node.group, result))

    def _code(self, group: str, result: Result) -> int:
        operations = self._day.operations
        if not (result.perfdata and self._day.thresholds):
            return operations.codes[result.status]
        verdict = self._day.thresholds.judged(
            result.status,
            result.perfdata,
            group=group,
            host=result.hostname,
            metric=result.metric,
            mode=self._mode,
            combine=lambda statuses: operations.fold("AND", statuses),
        )
        return operations.code(verdict.status)

    def _ignore(self, why: str) -> None:
        self._ignored[why] = self._ignored.get(why, 0) + 1

    def report_to(self, report: Report) -> None:
        for why, count in self._ignored.items():
            report.add("metric data", "", f"{count} results {why} do not count")

    def runs(self) -> Iterator["_Run"]:
        """Change points of each series and UTC day; of results at one instant the later-received counts."""
        for series, results in self._series.items():
            # Sorting keeps the order of those at one instant, so that the last of them stays.
            in_order = sorted(results, key=lambda packed: packed >> _CODE_BITS)
            latest = {packed >> _CODE_BITS: packed & _CODE_MASK for packed in in_order}
            run: _Run | None = None
            for at, status in latest.items():
                if run is not None and run.status == status and (run.start < 0) == (at < 0):
                    run = run._replace(last_at=at)
                    continue
                if run is not None:
                    yield run
                run = _Run(series, status, at, at)
            if run is not None:
                yield run


class _Run(NamedTuple):
    """Results of one status one after the other; microseconds from midnight."""

    series: int
    status: int
    start: int
    last_at: int


def _judged(day: ArgoDay, tree: Tree, mode: Mode, runs: Iterator[_Run]) -> Judgements:
    # The plan is written in Ibis, which takes a second to import.
    from gridkeeper.availability.judge import judge
    from gridkeeper.availability.relations import provide
    from gridkeeper.lake.scan import arrow_table, computing, rows

    with computing() as con:
        provide(con, tree, arrow_table(con, _arrow(runs, Window.of_day(day.day).start)), day.day)
        judgement = judge(con, Rules(DAY_S, day.operations, mode), with_hours=False)
        periods = [row for level in WITH_TIMELINES for row in rows(judgement.timelines[level])]
        seconds = {row["node"]: Seconds.of(row) for row in rows(judgement.figures)}
    return _by_level(day, tree, periods, seconds)


def _arrow(runs: Iterator[_Run], midnight: datetime) -> Any:
    import pyarrow as pa

    first = (midnight - datetime.fromtimestamp(0, midnight.tzinfo)) // _MICROSECOND
    columns = list(zip(*runs, strict=True)) or [()] * 4
    moments = {name: pa.array([first + at for at in columns[place]], pa.int64()) for name, place in _MOMENTS.items()}
    return pa.table(
        {
            "series": pa.array(columns[0], pa.int64()),
            "status": pa.array(columns[1], pa.int8()),
            **{name: column.cast(pa.timestamp("us", "UTC")) for name, column in moments.items()},
            "seq": pa.array(range(len(columns[0])), pa.int64()),
        }
    )


_MOMENTS = {"start": 2, "last_at": 3}


def _by_level(day: ArgoDay, tree: Tree, periods: list[dict[str, Any]], seconds: Mapping[int, Seconds]) -> Judgements:
    timelines: dict[int, list[tuple[int, str]]] = {}
    for row in sorted(periods, key=lambda row: int(row["start_s"])):
        timelines.setdefault(row["node"], []).append((row["start_s"], day.operations.state(row["status"])))
    found: Judgements = {level: [] for level in LEVELS}
    for path, node in tree.numbers.items():
        if path.level in LEVELS:
            found[path.level].append(Judged(key_of(path), seconds[node], timelines[node]))
    return {level: sorted(nodes) for level, nodes in found.items()}
