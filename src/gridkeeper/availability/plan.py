"""The one relational plan: from change points of a day to timelines and figures at every level.

Written in Ibis, so that DuckDB and Spark run the same expressions (docs/decisions/0007). Nothing here knows a VO, a
site or a test: `nodes` names the parts of the tree (topology.py makes it), and every level is the same step, `combine`.

How a level is combined (shared/domain/availability.md section 7): each period of a child adds one to the count of its
status where it starts and takes one away where it ends; running sums of these give the count in every status at every
instant; the operation picks the status; where it stays the same the rows are dropped; the time to the next row is the
duration. An operation that is an order picks the first status that occurs; any other one is asked by the set of
statuses that occur, in a relation of all sets (`truth`).

Times are whole seconds from the start of the day, `[0, length_s)`. A day that is not over has a shorter length.
"""

from collections.abc import Sequence
from functools import reduce

import ibis
from ibis import _

from gridkeeper.availability.levels import MEASURES, WEIGHTED, Level
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.plan_inputs import HOUR_S, Column, Inputs, Table, code_of, keep_changes
from gridkeeper.core.status import Status


def combine(inputs: Inputs, operation: str, periods: Table, overriding: Table | None = None) -> Table:
    """The timelines of the parents: rows node, status, start_s, end_s that fill `[0, length_s)` without a break.

    periods: node (the parent), status, start_s, end_s of its children, each of which fills the day; EXCLUDED ones
    count for nothing, and an instant at which all are EXCLUDED is EXCLUDED. `overriding` (node, start_s, end_s) sets
    the state of downtimes for its duration. Raises OperationsError for an unknown operation.
    """
    order = inputs.operations.order(operation)
    codes = order or [inputs.operations.code(state) for state in inputs.operations.states]
    # Most children share their times (a whole day of OK), so that counting them first leaves few events.
    counted = periods.group_by("node", "status", "start_s", "end_s").agg(n=_.count())
    if overriding is not None:
        mark = overriding.select("node", status=ibis.literal(_OVERRIDE, "int32"), start_s=_.start_s, end_s=_.end_s)
        counted = counted.union(mark.group_by("node", "status", "start_s", "end_s").agg(n=_.count()))
    wanted = [*codes, *([_OVERRIDE] if overriding is not None else [])]
    edges = _edges(counted, wanted).filter(_.at_s < inputs.length_s)
    names = edges.columns[2:]
    changes = edges.group_by("node", "at_s").agg(**{name: edges[name].sum() for name in names})
    running = ibis.window(group_by="node", order_by="at_s", preceding=None, following=0)
    packed = changes.select("node", "at_s", **{name: changes[name].sum().over(running).cast("int64") for name in names})
    counts = packed.select("node", "at_s", **{f"n{code}": _count(packed, place) for place, code in enumerate(wanted)})
    picked = _first_of(counts, order) if order else _looked_up(counts, codes, inputs.truth, operation)
    if overriding is not None:
        picked = _overridden(picked, inputs.operations)
    return keep_changes(picked.select("node", "at_s", "status"), inputs.length_s)


_OVERRIDE = 7  # counted beside the statuses, of which it is none
_OVERRIDDEN = f"n{_OVERRIDE}"
#: Three counts share a number, because the sums are what a level costs. It is a float: sums of integers are 128 bits
#: wide in DuckDB and three times as dear, and these stay exact below 2^53.
_COUNT_BITS, _COUNTS_A_NUMBER = 17, 3
#: More parts than a count can hold; `relations` refuses a tree with such a node.
MOST_PARTS = (1 << _COUNT_BITS) - 1


def _edges(counted: Table, wanted: Sequence[int]) -> Table:
    """One row where a period starts (its number added) and one where it ends (taken away), the counts packed."""
    packs = range(0, len(wanted), _COUNTS_A_NUMBER)

    def side(at_s: Column, sign: int) -> Table:
        numbers = {
            f"packed{first}": _packed(counted, wanted[first : first + _COUNTS_A_NUMBER], sign) for first in packs
        }
        return counted.select("node", at_s=at_s, **numbers)

    return side(counted.start_s, 1).union(side(counted.end_s, -1))


def _packed(counted: Table, codes: Sequence[int], sign: int) -> Column:
    number = counted.n.cast("float64")
    branches = [
        (counted.status == code, number * float(sign << _COUNT_BITS * place)) for place, code in enumerate(codes)
    ]
    return ibis.cases(*branches, else_=ibis.literal(0, "float64"))


def _count(packed: Table, place: int) -> Column:
    """How many parts have the status of that place."""
    number = packed[f"packed{place - place % _COUNTS_A_NUMBER}"]
    return (number >> _COUNT_BITS * (place % _COUNTS_A_NUMBER)) & MOST_PARTS


def _first_of(counts: Table, order: Sequence[int]) -> Table:
    """With the status: the first of the order that occurs."""
    branches = [(counts[f"n{code}"] > 0, ibis.literal(code, "int32")) for code in order]
    return counts.mutate(status=ibis.cases(*branches, else_=code_of(Status.EXCLUDED)))


def _looked_up(counts: Table, codes: Sequence[int], truth: Table, operation: str) -> Table:
    """With the status that the truth table gives for the set of statuses that occur."""
    bits = [ibis.ifelse(counts[f"n{code}"] > 0, 1 << place, 0).cast("int64") for place, code in enumerate(codes)]
    sets = counts.mutate(mask=reduce(lambda left, right: left + right, bits))
    return sets.join(truth.filter(_.operation == operation).drop("operation"), "mask")


def _overridden(picked: Table, operations: Operations) -> Table:
    """In a downtime, the state of downtimes."""
    down = ibis.literal(operations.code(operations.down), "int32")
    return picked.mutate(status=ibis.ifelse(picked[_OVERRIDDEN] > 0, down, picked.status))


def level_timelines(inputs: Inputs, level: Level, below: Table, used: Sequence[str]) -> Table:
    """The timelines of services, flavours, functions or sites from those of the level below; each fills the day.

    used: the operations that combine the nodes of this level (`made_by`)
    """
    overriding = _excuses(inputs) if level is Level.SERVICE else None
    children = to_parents(below, inputs.nodes)
    if len(used) == 1:
        return combine(inputs, used[0], children, overriding)
    parts = []
    for operation in used:
        of_operation = inputs.made_by.filter((_.level == level.value) & (_.operation == operation))
        own = None if overriding is None else overriding.semi_join(of_operation, "node")
        parts.append(combine(inputs, operation, children.semi_join(of_operation, "node"), own))
    return ibis.union(*parts)


#: ARGO restores what the tests say a minute after a downtime's end (availability.md section 2).
_LATE_S = 60


def _excuses(inputs: Inputs) -> Table:
    """The times in which a service is in a downtime and something is expected of it; they may overlap.

    A downtime says nothing of what nobody expects anything of; of a service whose results were excluded it does.
    """
    late_s = _LATE_S if inputs.rules.is_argo_compatible else 0
    parts = inputs.nodes.select(owner="parent", part="node")
    expected = inputs.expected.select("from_s", "until_s", metric="node")
    down = inputs.downtimes.join(parts, inputs.downtimes.node == parts.owner)
    down = down.join(expected, down.part == expected.metric)
    cut = down.select(
        "node", start_s=ibis.greatest(down.start_s, down.from_s), end_s=ibis.least(down.end_s + late_s, down.until_s)
    )
    return cut.filter(_.start_s < _.end_s).distinct()


def to_parents(below: Table, nodes: Table) -> Table:
    """The same periods under the nodes of the level above."""
    parents = nodes.select("node", "parent")
    return below.join(parents, "node").select("status", "start_s", "end_s", node="parent")


def overridden(inputs: Inputs, level: Level, timeline: Table) -> Table:
    """The timelines of a level with its overrides laid over them."""
    pieces = _override_pieces(inputs, level)
    touched = timeline.semi_join(pieces, "node")
    covered = pieces.join(touched.rename(old="status", old_start_s="start_s", old_end_s="end_s"), "node")
    covered = covered.filter((_.old_start_s < _.end_s) & (_.old_end_s > _.start_s))
    points = covered.select(
        "node", at_s=ibis.greatest(covered.start_s, covered.old_start_s), status=covered.status.fill_null(covered.old)
    )
    return timeline.anti_join(pieces, "node").union(keep_changes(points, inputs.length_s).select(*timeline.columns))


def _override_pieces(inputs: Inputs, level: Level) -> Table:
    """The day of each overridden node cut where overrides begin or end: node, start_s, end_s, status (null: none)."""
    length_s = inputs.length_s
    own = inputs.overrides.filter(_.level == level.value)
    late_s = ibis.ifelse(own.holds_end, 1, 0) if inputs.rules.is_argo_compatible else 0
    own = own.mutate(start_s=ibis.greatest(own.start_s, 0), end_s=ibis.least(own.end_s + late_s, length_s))
    own = own.filter(_.start_s < _.end_s).mutate(status=_codes(own.status, inputs.operations))
    zero = ibis.literal(0, "int64")
    cuts = ibis.union(
        own.select("node", at_s=_.start_s), own.select("node", at_s=_.end_s), own.select("node", at_s=zero)
    ).distinct()
    in_order = ibis.window(group_by="node", order_by="at_s")
    cuts = cuts.mutate(until_s=cuts.at_s.lead().over(in_order).fill_null(length_s)).filter(_.at_s < length_s)
    over = own.select("position", "status", owner="node", first_s="start_s", last_s="end_s")
    met = cuts.left_join(over, [cuts.node == over.owner, over.first_s <= cuts.at_s, over.last_s > cuts.at_s])
    best_first = ibis.window(group_by=["node", "at_s"], order_by=ibis.desc("position"))
    ranked = met.mutate(rank=ibis.row_number().over(best_first)).filter(_["rank"] == 0)
    return ranked.select("node", "status", start_s=_.at_s, end_s=_.until_s)


def _codes(states: Column, operations: Operations) -> Column:
    """The numbers of states by their words; a word that the profile does not have is one of its unknown."""
    branches = [(states == state, ibis.literal(code, "int32")) for state, code in operations.codes.items()]
    return ibis.cases(*branches, else_=ibis.literal(operations.code(operations.unknown), "int32"))


def figures(timeline: Table, operations: Operations, *keys: str) -> Table:
    """Seconds by what they count as, and changes of status, of each node (and each of `keys`) of a timeline."""
    duration = timeline.end_s - timeline.start_s
    counted = {
        name: ibis.ifelse(timeline.status.isin(sorted(codes)), duration, 0).sum() if codes else ibis.literal(0, "int64")
        for name, codes in operations.seconds().items()
    }
    return timeline.group_by("node", *keys).agg(total_s=duration.sum(), **counted, flips=_.count() - 1)


def hours(timeline: Table) -> Table:
    """The same timeline cut at every full hour, with the hour 0 to 23 of each piece."""
    within = ibis.range(timeline.start_s // HOUR_S, (timeline.end_s - 1) // HOUR_S + 1)
    cut = timeline.mutate(hour=within.unnest())
    return cut.select(
        "node",
        "hour",
        "status",
        start_s=ibis.greatest(cut.start_s, cut.hour * HOUR_S),
        end_s=ibis.least(cut.end_s, (cut.hour + 1) * HOUR_S),
    )


def weighed(sites: Table, weights: Table) -> Table:
    """The figures of sites with their weight, absent where there is none, and their measures as often as it says."""
    owned = weights.select("weight", owner="node")
    found = sites.left_join(owned, sites.node == owned.owner).drop("owner")
    times = found.weight.fill_null(0.0)
    return found.mutate(**{name: found[measure] * times for name, measure in zip(WEIGHTED, MEASURES, strict=True)})


def sums(children: Table, nodes: Table, *keys: str) -> Table:
    """Figures of the parents as sums over their children, weighted ones too: regions and the federation."""
    joined = children.join(nodes.select("node", "parent"), "node")
    totals = {name: joined[name].sum().cast("int64") for name in MEASURES}
    totals |= {name: joined[name].sum().cast("float64") for name in WEIGHTED}
    summed = joined.group_by(joined.parent, *keys).agg(**totals).rename(node="parent")
    return summed.mutate(weight=ibis.null("float64"))


def unweighed(lower: Table) -> Table:
    """Figures of what has no weight, with the columns of those that have."""
    absent = ibis.null("float64")
    return lower.mutate(weight=absent, **dict.fromkeys(WEIGHTED, absent))
