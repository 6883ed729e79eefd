"""One site on one day, down to the results: judged when it is asked for, by the same plan on the site's own facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gridkeeper.availability import topology
from gridkeeper.availability.levels import Level
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Path, Tree
from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.scan import arrow_table, connect, rows
from gridkeeper.registry.models import Site

_LOW_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Segment:
    """A time of one status. The result (series, fact) that began it is named for metrics where it is known."""

    start: datetime
    end: datetime
    status: Status
    series: int | None = None
    fact: int | None = None

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the site's tree with how its day went."""

    path: Path
    segments: list[Segment]
    seconds: Seconds
    parts: list["Branch"] = field(default_factory=list)

    @property
    def level(self) -> str:
        return self.path.level.label

    @property
    def name(self) -> str:
        return [word for word in self.path if word][-1]


@dataclass(frozen=True, slots=True)
class Culprit:
    """A metric that was CRITICAL while its site was, and for how long at the same time."""

    path: Path
    seconds: int


def site_day(site: Site, day: date, vo: str, now: datetime) -> Branch | None:
    """The site's tree; None for a day that has not begun, or on which nothing of it was judged for the VO."""
    # The plan is written in Ibis, which takes a second to import.
    from gridkeeper.availability.compute import runs_of
    from gridkeeper.availability.judge import Rules, judge
    from gridkeeper.availability.relations import provide

    period = Period.of(day, now)
    tree = topology.tree_of(period, site=site, vo=vo) if period else Tree()
    if period is None or not tree.numbers:
        return None
    facts = open_facts()
    with connect() as con:
        runs = runs_of(con, facts, period, topology.validity())
        runs = runs.semi_join(arrow_table(con, _series_of(tree)), "series")
        provide(con, tree, runs, day)
        judgement = judge(con, Rules(period.length_s), with_hours=False)
        periods = [row for level in judgement.timelines.values() for row in rows(level)]
        seconds = {row["node"]: Seconds.of(row) for row in rows(judgement.figures)}
        results = _firsts(con, facts, runs, period)
    return _branch(tree, _Timelines(tree, period, periods, results), seconds, Path(vo, site.ngi.key, site.key))


def _series_of(tree: Tree) -> Any:
    import pyarrow as pa

    return pa.table({"series": pa.array(sorted({line.series for line in tree.expected}), pa.int64())})


def _firsts(con: Any, facts: Facts, runs: Any, period: Period) -> dict[int, list[tuple[int, int]]]:
    """Series -> the result that began each of its runs, as (second of the day, fact), in order."""
    results = facts.results(con, Window(period.window.start - DAY, period.window.end))
    starts = runs.select("series", executed_at="start")
    found = rows(
        results.filter(results.is_hard).semi_join(starts, ["series", "executed_at"]).order_by("executed_at", "seq")
    )
    firsts: dict[int, list[tuple[int, int]]] = {}
    for row in found:
        second = (row["executed_at"] - period.window.start) // timedelta(seconds=1)
        firsts.setdefault(row["series"], []).append((second, row["fact"]))
    return firsts


class _Timelines:
    """The segments of each node, with the results that began them."""

    def __init__(
        self, tree: Tree, period: Period, periods: list[dict[str, Any]], firsts: Mapping[int, list[tuple[int, int]]]
    ) -> None:
        self._midnight = period.window.start
        self._series = {tree.numbers[line.path]: line.series for line in tree.expected}
        self._firsts = firsts
        self._periods: dict[int, list[dict[str, Any]]] = {}
        for row in sorted(periods, key=lambda row: int(row["start_s"])):
            self._periods.setdefault(row["node"], []).append(row)

    def of(self, node: int) -> Iterator[Segment]:
        for row in self._periods.get(node, ()):
            start, end = (self._midnight + timedelta(seconds=row[name]) for name in ("start_s", "end_s"))
            series = self._series.get(node)
            fact = None if series is None else self._fact(series, row["start_s"], Status(row["status"]))
            yield Segment(start, end, Status(row["status"]), series, fact)

    def _fact(self, series: int, start_s: int, status: Status) -> int | None:
        if status in (Status.MISSING, Status.EXCLUDED):
            return None
        earlier = [fact for second, fact in self._firsts.get(series, ()) if second <= start_s]
        return earlier[-1] & _LOW_BITS if earlier else None


def _branch(tree: Tree, timelines: _Timelines, seconds: Mapping[int, Seconds], path: Path) -> Branch:
    node = tree.numbers[path]
    children = sorted(child for child in tree.numbers if path in tree.parents(child))
    parts = [_branch(tree, timelines, seconds, child) for child in children]
    return Branch(path, list(timelines.of(node)), seconds[node], parts)


def culprits(site: Branch) -> list[Culprit]:
    """The metrics that were CRITICAL together with the site, longest first: why its figure is not 100 %."""
    bad = [Window(segment.start, segment.end) for segment in site.segments if segment.status is Status.CRITICAL]
    found = []
    for metric in _leaves(site):
        both = [
            part
            for segment in metric.segments
            if segment.status is Status.CRITICAL
            for window in bad
            if (part := window.intersection(Window(segment.start, segment.end)))
        ]
        if both:
            found.append(Culprit(metric.path, sum(part.seconds for part in both)))
    return sorted(found, key=lambda culprit: (-culprit.seconds, culprit.path))


def _leaves(branch: Branch) -> Iterator[Branch]:
    if branch.path.level is Level.METRIC:
        yield branch
    for part in branch.parts:
        yield from _leaves(part)


def day_of(text: str) -> date | None:
    """A day as it stands in addresses; None where the text is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
