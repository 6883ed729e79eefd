"""What the plan is given, and what its steps share: the relations of a day by name, and timelines as rows.

Used by plan.py, plan_metrics.py and whoever gives a session the relations (relations.py).
"""

from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

from gridkeeper.availability.operations import Operations
from gridkeeper.availability.rules import Rules
from gridkeeper.core.status import Status

#: Ibis has no annotations that mypy could check.
Table = Any
Column = Any

HOUR_S = 3_600

#: The relations that a day is judged by, under the names by which the plan's statements know them.
#:
#: runs: change points of the day and of the day before, each day's by itself (the latter are the carry-over; `start`
#:     and `seq` order them), what began earlier left out; seconds from midnight, rounded down, negative the day before
#: expected: when a result is expected of a metric node; more than one row a node where it was expected with a break.
#:     is_new: expected only since an instant of this day
#: nodes: the tree, a row for each parent of a node; parent is of the level above, absent above
#: made_by: which operation combines how many children of a node from service to site
#: downtimes: intervals that excuse a service's node
#: overrides: what a node is in an interval whatever its parts say; of several the greatest position wins
#: weights: how often a site's seconds count in the weighted figures
#: truth: for an operation that is no order, the status by the statuses that occur (`Operations.truth`)
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
    "made_by": {"node": "int64", "level": "int32", "operation": "string", "children": "int32"},
    "downtimes": {"node": "int64", "start_s": "int64", "end_s": "int64"},
    "overrides": {
        "node": "int64", "level": "int32", "position": "int64", "start_s": "int64", "end_s": "int64",
        "status": "string", "holds_end": "boolean",
    },
    "weights": {"node": "int64", "weight": "float64"},
    "truth": {"operation": "string", "mask": "int64", "status": "int32"},
}  # fmt: skip
#: Of every timeline: who, what, from when until when.
TIMELINE = {"node": "int64", "status": "int32", "start_s": "int64", "end_s": "int64"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The relations of SCHEMAS, and the rules by which they are judged."""

    rules: Rules
    runs: Table
    expected: Table
    nodes: Table
    made_by: Table
    downtimes: Table
    overrides: Table
    weights: Table
    truth: Table

    @property
    def length_s(self) -> int:
        return self.rules.length_s

    @property
    def operations(self) -> Operations:
        return self.rules.operations


def named_inputs(rules: Rules) -> Inputs:
    """The inputs by their names alone, of no session yet: what statements are made from."""
    return Inputs(rules, **{name: ibis.table(schema, name=name) for name, schema in SCHEMAS.items()})


def code_of(status: Status) -> Column:
    """The number of one of our statuses, as timelines have it."""
    return ibis.literal(status.value, "int32")


def keep_changes(points: Table, length_s: int) -> Table:
    """Rows whose status differs from the one before, each holding until the next."""
    in_order = ibis.window(group_by="node", order_by="at_s")
    before = points.mutate(before=points.status.lag().over(in_order))
    kept = before.filter(_.before.isnull() | (_.before != _.status)).drop("before")
    end = kept.at_s.lead().over(in_order).fill_null(length_s)
    return kept.select("node", "status", start_s=kept.at_s, end_s=end)
