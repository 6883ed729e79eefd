"""The timelines of metrics: what results say, how long, and what silence means (availability.md section 2)."""

import ibis
from ibis import _

from gridkeeper.availability.operations import Operations
from gridkeeper.availability.plan_inputs import Column, Inputs, Table, code_of, keep_changes
from gridkeeper.core.status import RESULT_STATUSES, Status


def metric_timelines(inputs: Inputs) -> Table:
    """The timelines of the metric nodes, from results, what is expected, and how long a result says something."""
    runs = _in_known_states(inputs.runs, inputs.operations)
    steady = _steady(runs, inputs)
    others = inputs.expected.anti_join(steady, "node")
    segments = _result_segments(runs.semi_join(others, "series"), others, inputs.length_s)
    points = _points(segments, others, inputs)
    return steady.union(keep_changes(points, inputs.length_s))


def _in_known_states(runs: Table, operations: Operations) -> Table:
    """A result in a state that the profile does not have says nothing that it could count: it is unknown."""
    known = set(operations.codes.values())
    if known.issuperset(status.value for status in RESULT_STATUSES):
        return runs
    unknown = ibis.literal(operations.code(operations.unknown), "int32")
    return runs.mutate(status=ibis.ifelse(runs.status.isin(sorted(known)), runs.status, unknown))


def _steady(runs: Table, inputs: Inputs) -> Table:
    """The metrics that said one thing all day, carried over from the day before: one run on either day.

    That is nearly all of them. Found by one aggregation, they need none of the windows that the others go through.
    """
    of_series = runs.group_by("series").agg(
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


def _points(segments: Table, expected: Table, inputs: Inputs) -> Table:
    """Where a metric's status may change. Its segments do not overlap, so that nothing need be counted.

    Between them and after them it is MISSING; before the first of them too, or UNKNOWN where it is expected only since
    this day; outside of what is expected it is EXCLUDED.
    """
    of_interval = ibis.window(group_by=["node", "from_s"], order_by="start_s")
    ordered = segments.mutate(
        next_s=segments.start_s.lead().over(of_interval).fill_null(segments.until_s),
        previous_s=segments.start_s.lag().over(of_interval),
    )
    missing, unknown = _silence(inputs.operations)
    late = ordered.filter(_.previous_s.isnull() & (_.start_s > _.from_s))
    silent = expected.anti_join(segments, ["node", "from_s"])
    inside = [
        ordered.select("node", "status", at_s=_.start_s),
        ordered.filter(_.end_s < _.next_s).select("node", status=missing, at_s=_.end_s),
        *[
            part.select("node", status=ibis.ifelse(part.is_new, unknown, missing), at_s=part.from_s)
            for part in (late, silent)
        ],
    ]
    excluded = code_of(Status.EXCLUDED)
    ends = expected.filter(_.until_s < inputs.length_s).select("node", status=excluded, at_s=_.until_s)
    first = expected.filter(_.from_s > 0).anti_join(expected.filter(_.from_s == 0), "node")
    begins = first.select("node").distinct().select("node", status=excluded, at_s=ibis.literal(0, "int64"))
    return ibis.union(*inside, ends, begins).filter(_.at_s < inputs.length_s)


def _silence(operations: Operations) -> tuple[Column, Column]:
    """The states of no result, and of no result yet."""
    codes = (operations.code(state) for state in (operations.missing, operations.unknown))
    missing, unknown = (ibis.literal(code, "int32") for code in codes)
    return missing, unknown
