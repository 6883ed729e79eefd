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
from typing import Any

import ibis
from ibis import _

from gridkeeper.availability.levels import MEASURES, OPERATIONS, SECONDS, Level
from gridkeeper.core.status import AND_ORDER, Status

#: Ibis has no annotations that mypy could check.
Table = Any
Column = Any

DAY_S = 86_400
HOUR_S = 3_600

#: The relations that a day is judged by, under the names by which the plan's statements know them.
#:
#: runs: change points of the day and of the day before, each day's by itself (the latter are the carry-over; `start`
#:     and `seq` order them), what began earlier left out; seconds from midnight, rounded down, negative the day before
#: expected: when a result is expected of a metric node; more than one row a node where it was expected with a break.
#:     is_new: expected only since an instant of this day
#: nodes: the tree; parent is of the level above, absent above
#: downtimes: intervals that excuse a service's node
SCHEMAS: dict[str, dict[str, str]] = {
    "runs": {
        "series": "int64", "status": "int32", "start": "timestamp('UTC', 6)", "seq": "int64",
        "start_s": "int64", "last_s": "int64",
    },
    "expected": {
        "node": "int64", "series": "int64", "validity_s": "int64", "from_s": "int64", "until_s": "int64",
        "is_new": "boolean",
    },
    "nodes": {"node": "int64", "parent": "int64"},
    "downtimes": {"node": "int64", "start_s": "int64", "end_s": "int64"},
}  # fmt: skip
#: Of every timeline: who, what, from when until when.
TIMELINE = {"node": "int64", "status": "int32", "start_s": "int64", "end_s": "int64"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The relations of SCHEMAS, and how much of the day is judged."""

    length_s: int
    runs: Table
    expected: Table
    nodes: Table
    downtimes: Table


def named_inputs(length_s: int) -> Inputs:
    """The inputs by their names alone, of no session yet: what statements are made from."""
    return Inputs(length_s, **{name: ibis.table(schema, name=name) for name, schema in SCHEMAS.items()})


def combine(periods: Table, order: Sequence[Status], length_s: int, overriding: Table | None = None) -> Table:
    """The timelines of the parents: rows node, status, start_s, end_s that fill `[0, length_s)` without a break.

    periods: node (the parent), status, start_s, end_s of its children, each of which fills the day; EXCLUDED ones
    count for nothing, and an instant at which all are EXCLUDED is EXCLUDED. `overriding` (node, start_s, end_s) sets
    DOWNTIME for its duration where they are not.
    """
    # Most children share their times (a whole day of OK), so that counting them first leaves few events.
    counted = periods.group_by("node", "status", "start_s", "end_s").agg(n=_.count())
    if overriding is not None:
        mark = overriding.select("node", status=ibis.literal(_OVERRIDE, "int32"), start_s=_.start_s, end_s=_.end_s)
        counted = counted.union(mark.group_by("node", "status", "start_s", "end_s").agg(n=_.count()))
    edges = _edges(counted, order, has_override=overriding is not None).filter(_.at_s < length_s)
    changes = edges.group_by("node", "at_s").agg(**{name: edges[name].sum() for name in edges.columns[2:]})
    running = ibis.window(group_by="node", order_by="at_s", preceding=None, following=0)
    counts = changes.select("node", "at_s", **{name: changes[name].sum().over(running) for name in changes.columns[2:]})
    return _keep_changes(counts.select("node", "at_s", status=_pick(counts, order)), length_s)


_OVERRIDE = 7  # counted beside the statuses, of which it is none


def _edges(counted: Table, order: Sequence[Status], *, has_override: bool) -> Table:
    """One row where a period starts (its number added) and one where it ends (taken away).

    The numbers are floats: sums of integers are 128 bits wide in DuckDB and three times as dear; these stay exact.
    """
    wanted = [*[status.value for status in order], *([_OVERRIDE] if has_override else [])]

    def side(at_s: Column, number: Column) -> Table:
        zero = ibis.literal(0, "float64")
        counts = {f"n{value}": ibis.ifelse(counted.status == value, number, zero) for value in wanted}
        return counted.select("node", at_s=at_s, **counts)

    number = counted.n.cast("float64")
    return side(counted.start_s, number).union(side(counted.end_s, -number))


def _pick(counts: Table, order: Sequence[Status]) -> Column:
    """The status that the order picks: AND the last that occurs, OR the first."""
    ranked = reversed(order) if tuple(order) == AND_ORDER else order
    branches = [(counts[f"n{status.value}"] > 0, status.value) for status in ranked]
    if f"n{_OVERRIDE}" in counts.columns:
        others = sum((counts[f"n{status.value}"] for status in order), ibis.literal(0, "float64"))
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
    steady = _steady(inputs)
    others = inputs.expected.anti_join(steady, "node")
    segments = _result_segments(inputs.runs.semi_join(others, "series"), others, inputs.length_s)
    points = _points(segments, others, inputs.length_s)
    return steady.union(_keep_changes(points, inputs.length_s))


def _status(status: Status) -> Column:
    return ibis.literal(status.value, "int32")


def _steady(inputs: Inputs) -> Table:
    """The metrics that said one thing all day, carried over from the day before: one run on either day.

    That is nearly all of them. Found by one aggregation, they need none of the windows that the others go through.
    """
    of_series = inputs.runs.group_by("series").agg(
        runs=_.count(),
        status=_.status.min(),
        worst=_.status.max(),
        carried_s=_.start_s.min(),
        carried_last_s=_.last_s.min(),
        began_s=_.start_s.max(),
        last_s=_.last_s.max(),
    )
    one_each = of_series.filter((_.runs == 2) & (_.status == _.worst) & (_.carried_s < 0) & (_.began_s >= 0))
    found = one_each.join(inputs.expected.filter((_.from_s == 0) & (_.until_s == inputs.length_s)), "series")
    is_touching = (found.began_s <= found.carried_last_s + found.validity_s) & (found.began_s < inputs.length_s)
    whole = found.filter(is_touching & (found.last_s + found.validity_s >= inputs.length_s))
    zero, length = ibis.literal(0, "int64"), ibis.literal(inputs.length_s, "int64")
    return whole.select("node", "status", start_s=zero, end_s=length)


def _result_segments(runs: Table, expected: Table, length_s: int) -> Table:
    """What results say: from each run's start to the next run's, or until its last result is too old."""
    in_order = ibis.window(group_by="series", order_by=["start", "seq"])
    found = runs.mutate(next_s=runs.start_s.lead().over(in_order).fill_null(length_s)).join(expected, "series")
    segments = found.select(
        "node",
        "status",
        "from_s",
        "until_s",
        "is_new",
        start_s=ibis.greatest(found.start_s, found.from_s),
        end_s=ibis.least(found.next_s, found.last_s + found.validity_s, found.until_s),
    )
    return segments.filter(_.start_s < _.end_s)


def _points(segments: Table, expected: Table, length_s: int) -> Table:
    """Where a metric's status may change. Its segments do not overlap, so that nothing need be counted.

    Between them and after them it is MISSING; before the first of them too, or UNKNOWN where it is expected only since
    this day; outside of what is expected it is EXCLUDED.
    """
    of_interval = ibis.window(group_by=["node", "from_s"], order_by="start_s")
    ordered = segments.mutate(
        next_s=segments.start_s.lead().over(of_interval).fill_null(segments.until_s),
        previous_s=segments.start_s.lag().over(of_interval),
    )
    late = ordered.filter(_.previous_s.isnull() & (_.start_s > _.from_s))
    silent = expected.anti_join(segments, ["node", "from_s"])
    inside = [
        ordered.select("node", "status", at_s=_.start_s),
        ordered.filter(_.end_s < _.next_s).select("node", status=_status(Status.MISSING), at_s=_.end_s),
        *[part.select("node", status=_before_first(part), at_s=part.from_s) for part in (late, silent)],
    ]
    excluded = _status(Status.EXCLUDED)
    ends = expected.filter(_.until_s < length_s).select("node", status=excluded, at_s=_.until_s)
    first = expected.filter(_.from_s > 0).anti_join(expected.filter(_.from_s == 0), "node")
    begins = first.select("node").distinct().select("node", status=excluded, at_s=ibis.literal(0, "int64"))
    return ibis.union(*inside, ends, begins).filter(_.at_s < length_s)


def _before_first(expected: Table) -> Column:
    return ibis.ifelse(expected.is_new, _status(Status.UNKNOWN), _status(Status.MISSING))


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
