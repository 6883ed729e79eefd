"""The one relational plan: from change points of a day to timelines and figures at every level.

Written in Ibis, so that DuckDB and Spark run the same expressions (docs/decisions/0007). Nothing here knows a VO, a
site or a test: `nodes` names the parts of the tree (topology.py makes it), and every level is the same step, `combine`.

How a level is combined (shared/domain/availability.md section 7): each period of a child adds one to the count of its
status where it starts and takes one away where it ends; running sums of these give the count in every status at every
instant; the order of the operation picks the status; where it stays the same the rows are dropped; the time to the
next row is the duration.

Times are whole seconds from the start of the day, `[0, length_s)`. A day that is not over has a shorter length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

import ibis
from ibis import _

from gridkeeper.core.status import AND_ORDER, OR_ORDER, UNKNOWN_LIKE, UP, Status
from gridkeeper.core.windows import DAY, Window

#: Ibis has no annotations that mypy could check.
Table = Any
Column = Any

DAY_S = 86_400
HOUR_S = 3_600


class Level(IntEnum):
    """Who has a timeline, from the leaves to the root. A service is what ARGO calls endpoint, a flavour its service."""

    METRIC = 0
    SERVICE = 1
    FLAVOUR = 2
    SITE = 3
    REGION = 4
    FEDERATION = 5

    @property
    def label(self) -> str:
        return self.name.lower()


#: The operation by which a level is made of the one below (availability.md section 2). A metric is the best of its
#: results and of MISSING, of which at most one result holds at any instant.
OPERATIONS = {Level.METRIC: OR_ORDER, Level.SERVICE: AND_ORDER, Level.FLAVOUR: OR_ORDER, Level.SITE: AND_ORDER}

#: What the seconds of a period are counted as, and by which statuses.
SECONDS: dict[str, frozenset[Status]] = {
    "up_s": UP,
    "unknown_s": UNKNOWN_LIKE,
    "down_s": frozenset({Status.DOWNTIME}),
    "excluded_s": frozenset({Status.EXCLUDED}),
    "critical_s": frozenset({Status.CRITICAL}),
}
MEASURES = ("total_s", *SECONDS, "flips")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The relations that a day is judged by.

    runs: series, status, start, last_at (timestamps), seq: the change points of the day and of the day before, each
        day's by itself; those of the day before are the carry-over, and what began earlier is ignored
    expected: node, series, validity_s, from_s, until_s, is_new: when a result is expected of a metric node; more than
        one row a node where it was expected with a break. is_new: expected only since an instant of this day
    nodes: node, parent (of the level above; absent above), level
    downtimes: node (of a service), start_s, end_s: intervals that excuse it
    """

    day: date
    length_s: int
    runs: Table
    expected: Table
    nodes: Table
    downtimes: Table


def combine(periods: Table, order: Sequence[Status], length_s: int, overriding: Table | None = None) -> Table:
    """The timelines of the parents: rows node, status, start_s, end_s that fill `[0, length_s)` without a break.

    periods: node (the parent), status, start_s, end_s of its children, within the day; EXCLUDED ones count for
    nothing, and an instant without any child is EXCLUDED. `overriding` (node, start_s, end_s) sets DOWNTIME for its
    duration where there is any child.
    """
    # Most children share their times (a whole day of OK), so that counting them first leaves few events.
    counted = periods.filter(_.status != Status.EXCLUDED.value)
    counted = counted.group_by("node", "status", "start_s", "end_s").agg(n=_.count())
    if overriding is not None:
        mark = overriding.select("node", status=ibis.literal(_OVERRIDE, "int32"), start_s=_.start_s, end_s=_.end_s)
        counted = counted.union(mark.group_by("node", "status", "start_s", "end_s").agg(n=_.count()))
    edges = _edges(counted, order, has_override=overriding is not None).filter(_.at_s < length_s)
    edges = edges.union(_day_starts(periods, edges))
    changes = edges.group_by("node", "at_s").agg(**{name: edges[name].sum() for name in edges.columns[2:]})
    running = ibis.window(group_by="node", order_by="at_s", preceding=None, following=0)
    counts = changes.select("node", "at_s", **{name: changes[name].sum().over(running) for name in changes.columns[2:]})
    return _keep_changes(counts.select("node", "at_s", status=_pick(counts, order)), length_s)


_OVERRIDE = 7  # counted beside the statuses, of which it is none


def _edges(counted: Table, order: Sequence[Status], *, has_override: bool) -> Table:
    """One row where a period starts (its number added) and one where it ends (taken away)."""
    wanted = [*[status.value for status in order], *([_OVERRIDE] if has_override else [])]

    def side(at_s: Column, number: Column) -> Table:
        zero = ibis.literal(0, "int64")
        counts = {f"n{value}": ibis.ifelse(counted.status == value, number, zero) for value in wanted}
        return counted.select("node", at_s=at_s, **counts)

    return side(counted.start_s, counted.n).union(side(counted.end_s, -counted.n))


def _day_starts(periods: Table, edges: Table) -> Table:
    """A change of nothing at 00:00 for every parent, so that its timeline begins there."""
    zeros = {name: ibis.literal(0, "int64") for name in edges.columns[2:]}
    return periods.select("node").distinct().select("node", at_s=ibis.literal(0, "int64"), **zeros)


def _pick(counts: Table, order: Sequence[Status]) -> Column:
    """The status that the order picks: AND the last that occurs, OR the first."""
    ranked = reversed(order) if tuple(order) == AND_ORDER else order
    branches = [(counts[f"n{status.value}"] > 0, status.value) for status in ranked]
    if f"n{_OVERRIDE}" in counts.columns:
        others = sum((counts[f"n{status.value}"] for status in order), ibis.literal(0, "int64"))
        branches.insert(0, ((counts[f"n{_OVERRIDE}"] > 0) & (others > 0), Status.DOWNTIME.value))
    return ibis.cases(*branches, else_=Status.EXCLUDED.value).cast("int32")


def _keep_changes(points: Table, length_s: int) -> Table:
    """Rows whose status differs from the one before, each holding until the next."""
    in_order = ibis.window(group_by="node", order_by="at_s")
    before = points.mutate(before=points.status.lag().over(in_order))
    kept = before.filter(_.before.isnull() | (_.before != _.status)).drop("before")
    end = kept.at_s.lead().over(in_order).fill_null(length_s)
    return kept.select("node", "status", start_s=kept.at_s, end_s=end)


def metric_timelines(inputs: Inputs) -> Table:
    """The timelines of the metric nodes, from results, what is expected, and how long a result says something."""
    reach = Window(Window.of_day(inputs.day).start - DAY, Window.of_day(inputs.day).end)
    runs = inputs.runs.filter((_.start >= reach.start) & (_.start < reach.end))
    steady = _steady(inputs, runs)
    others = inputs.expected.anti_join(steady, "node")
    runs = runs.semi_join(others, "series")
    missing = others.select("node", status=_status(Status.MISSING), start_s=others.from_s, end_s=others.until_s)
    periods = _result_segments(inputs, runs, others).union(missing).union(_unknown_until_first(inputs, runs, others))
    return steady.union(combine(periods, OPERATIONS[Level.METRIC], inputs.length_s))


def _steady(inputs: Inputs, runs: Table) -> Table:
    """The metrics that said one thing all day, carried over from the day before: one run on either day.

    That is nearly all of them. Found by one aggregation, they need none of the windows that the others go through.
    """
    of_series = runs.group_by("series").agg(
        runs=_.count(),
        status=_.status.min().cast("int32"),
        worst=_.status.max(),
        carried_at=_.start.min(),
        carried_last_at=_.last_at.min(),
        start=_.start.max(),
        last_at=_.last_at.max(),
    )
    once_each = of_series.filter((_.runs == 2) & (_.status == _.worst))
    found = once_each.join(inputs.expected.filter((_.from_s == 0) & (_.until_s == inputs.length_s)), "series")
    start_s, carried_s = _seconds_of(found.start, inputs.day), _seconds_of(found.carried_at, inputs.day)
    is_touching = start_s <= _seconds_of(found.carried_last_at, inputs.day) + found.validity_s
    is_lasting = _seconds_of(found.last_at, inputs.day) + found.validity_s >= inputs.length_s
    whole = found.filter((carried_s < 0) & (start_s >= 0) & (start_s < inputs.length_s) & is_touching & is_lasting)
    zero, length = ibis.literal(0, "int64"), ibis.literal(inputs.length_s, "int64")
    return whole.select("node", "status", start_s=zero, end_s=length)


def _status(status: Status) -> Column:
    return ibis.literal(status.value, "int32")


def _seconds_of(moment: Column, day: date) -> Column:
    """Whole seconds from the start of the day, rounded down, negative the day before.

    Counted from the day before because Spark cuts a difference towards zero where DuckDB rounds it down. Without a
    zone because DuckDB's difference of zoned times is four times as dear; sessions of both run in UTC.
    """
    origin = ibis.literal((Window.of_day(day).start - DAY).replace(tzinfo=None))
    return moment.cast("timestamp").delta(origin, unit="second") - DAY_S


def _result_segments(inputs: Inputs, runs: Table, expected: Table) -> Table:
    """What results say: from each run's start to the next run's, or until its last result is too old."""
    in_order = ibis.window(group_by="series", order_by=["start", "seq"])
    start_s = _seconds_of(runs.start, inputs.day)
    timed = runs.mutate(start_s=start_s, last_s=_seconds_of(runs.last_at, inputs.day))
    timed = timed.mutate(next_s=timed.start_s.lead().over(in_order).fill_null(inputs.length_s))
    found = timed.join(expected, "series")
    segments = found.select(
        "node",
        status=found.status.cast("int32"),
        start_s=ibis.greatest(found.start_s, found.from_s),
        end_s=ibis.least(found.next_s, found.last_s + found.validity_s, found.until_s),
    )
    return segments.filter(_.start_s < _.end_s)


def _unknown_until_first(inputs: Inputs, runs: Table, expected: Table) -> Table:
    """A metric that is expected only since this day is UNKNOWN until its first result, not MISSING."""
    new = expected.filter(_.is_new)
    starts = runs.semi_join(new, "series").group_by("series").agg(first=_.start.min())
    found = new.left_join(starts, "series")
    first_s = _seconds_of(found.first, inputs.day).fill_null(DAY_S)
    periods = found.select(
        "node", status=_status(Status.UNKNOWN), start_s=found.from_s, end_s=ibis.least(first_s, found.until_s)
    )
    return periods.filter(_.start_s < _.end_s)


def level_timelines(inputs: Inputs, level: Level, below: Table) -> Table:
    """The timelines of services, flavours or sites from those of the level below; each fills the day."""
    overriding = inputs.downtimes if level is Level.SERVICE else None
    return combine(to_parents(below, inputs.nodes), OPERATIONS[level], inputs.length_s, overriding)


def to_parents(below: Table, nodes: Table) -> Table:
    """The same periods under the node of the level above."""
    parents = nodes.select("node", "parent")
    return below.join(parents, "node").select("status", "start_s", "end_s", node="parent")


def figures(timeline: Table, *keys: str) -> Table:
    """Seconds by what they count as, and changes of status, of each node (and each of `keys`) of a timeline."""
    duration = timeline.end_s - timeline.start_s
    counted = {
        name: ibis.ifelse(timeline.status.isin([s.value for s in statuses]), duration, 0).sum()
        for name, statuses in SECONDS.items()
    }
    return timeline.group_by("node", *keys).agg(total_s=duration.sum(), **counted, flips=_.count() - 1)


def hours(timeline: Table) -> Table:
    """The same timeline cut at every full hour, with the hour 0 to 23 of each piece."""
    hour = ibis.range(24).unnest().cast("int64").name("hour").as_table()
    cut = timeline.join(hour, [timeline.start_s < (hour.hour + 1) * HOUR_S, timeline.end_s > hour.hour * HOUR_S])
    return cut.select(
        "node",
        "hour",
        "status",
        start_s=ibis.greatest(cut.start_s, cut.hour * HOUR_S),
        end_s=ibis.least(cut.end_s, (cut.hour + 1) * HOUR_S),
    )


def sums(children: Table, nodes: Table, *keys: str) -> Table:
    """Figures of the parents as sums over their children: regions and the federation.

    Unweighted. Computing power will weigh each child's seconds here once its feed is read (availability.md section 3).
    """
    joined = children.join(nodes.select("node", "parent"), "node")
    totals = {name: joined[name].sum().cast("int64") for name in MEASURES}
    return joined.group_by(joined.parent, *keys).agg(**totals).rename(node="parent")
