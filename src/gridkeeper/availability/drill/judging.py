"""Days of one group (nearly always a site) judged when they are asked for: many days and suppositions in one run.

It is the plan itself that judges. Days do not touch each other in it, and neither do two versions of one day: the trees
of all of them are put beside each other, each with numbers of its own for its nodes and series, and the statements run
once, so that a month takes hardly longer than a day.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.availability import topology
from gridkeeper.availability.drill.beside import Beside
from gridkeeper.availability.drill.branches import Branch, Forced
from gridkeeper.availability.drill.decisions import Decided
from gridkeeper.availability.drill.groups import Group
from gridkeeper.availability.drill.growing import Judged, Starts, grow
from gridkeeper.availability.drill.heard import runs_of_days
from gridkeeper.availability.drill.suppositions import NOTHING, Supposition, suppose
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.recomputations.rules import Silenced
from gridkeeper.availability.rules import Rules, Seconds
from gridkeeper.availability.thresholds import Thresholds
from gridkeeper.availability.topology import JudgedBy, Period
from gridkeeper.availability.tree import Path, Tree
from gridkeeper.availability.verdicts import Ranges
from gridkeeper.bus.facts import open_facts
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.engines import engine_of
from gridkeeper.lake.scan import connect, rows

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One version of one day."""

    day: date
    supposition: Supposition = NOTHING


@dataclass(frozen=True, slots=True)
class _Day:
    """What one version of a day is judged from. forced: what was set on its nodes, in the order in which it is."""

    asked: Asked
    period: Period
    tree: Tree
    forced: Mapping[Path, list[Forced]]
    silenced: frozenset[Silenced]
    made_by: JudgedBy

    @property
    def operations(self) -> Operations:
        return self.made_by.operations

    @property
    def rules(self) -> Rules:
        return Rules(self.period.length_s, self.operations)


def judge_group(group: Group, report: str, asked: Iterable[Asked], now: datetime) -> dict[Asked, Branch]:
    """Each version of each day as the group's tree.

    A day that has not begun, or on which nothing of the group was judged by the report, is left out.
    """
    days = _days(group, report, list(asked), now)
    found: dict[Asked, Branch] = {}
    for (silenced, thresholds), heard_alike in _by(days, lambda day: (day.silenced, day.made_by.thresholds)).items():
        runs = _runs(heard_alike, silenced, thresholds)
        starts = Starts.of(runs)
        for rules, alike in _by(heard_alike, lambda day: day.rules).items():
            found |= {
                day.asked: branch
                for day, judged in _judge(alike, runs, rules)
                if (branch := grow(judged, starts)) is not None
            }
    return found


_K = TypeVar("_K")


def _by(days: Iterable[_Day], key: Callable[[_Day], _K]) -> dict[_K, list[_Day]]:
    found: dict[_K, list[_Day]] = defaultdict(list)
    for day in days:
        found[key(day)].append(day)
    return found


def _days(group: Group, report: str, asked: Sequence[Asked], now: datetime) -> list[_Day]:
    """Every version of each day that was judged; the registry is asked once a day."""
    periods = {each.day: period for each in asked if (period := Period.of(each.day, now)) is not None}
    trees = {
        day: tree
        for day, period in periods.items()
        if (tree := topology.tree_of(period, site=group.site, report=report, group=group.key)).numbers
    }
    if not trees:
        return []
    decided = Decided.on(trees.values(), Window(Window.of_day(min(trees)).start, Window.of_day(max(trees)).end))
    found = []
    made_by = {day: topology.judged_by(periods[day], report) for day in trees}
    for each in asked:
        if each.day in trees:
            period, judged = periods[each.day], made_by[each.day]
            supposed = suppose(trees[each.day], each.supposition, period)
            tree, forced = decided.laid_over(supposed, period, each.supposition.downtimes, judged.operations)
            found.append(_Day(each, period, tree, forced, decided.silenced(period, report), judged))
    return found


def _runs(days: Sequence[_Day], silenced: Collection[Silenced], thresholds: Thresholds | None) -> pa.Table:
    """The change points of all their series, of all days and of the days before."""
    wanted = sorted({near for day in days for near in (day.asked.day - DAY, day.asked.day)})
    lines = [line for day in days for line in day.tree.expected]
    ranges = Ranges.of(thresholds, lines, topology.names().sites) if thresholds else None
    series = sorted({line.series for line in lines})
    return runs_of_days(open_facts(), wanted, series, topology.validity(), silenced, ranges)


def _judge(days: Sequence[_Day], runs: pa.Table, rules: Rules) -> Iterator[tuple[_Day, Judged]]:
    # The plan is written in Ibis, which takes a second to import.
    from gridkeeper.availability.judge import judge
    from gridkeeper.availability.relations import tree_rows

    beside = Beside()
    firsts = [beside.add({"runs": _runs_of(runs, day), **tree_rows(day.tree)}, day.tree.size) for day in days]
    with connect() as con:
        for name, table in beside.tables().items():
            engine_of(con).give(con, name, table)
        judgement = judge(con, rules, with_hours=False)
        timelines = _by_node(row for level in judgement.timelines.values() for row in rows(level))
        seconds = {row["node"]: Seconds.of(row) for row in rows(judgement.figures)}
    for first, day in zip(firsts, days, strict=True):
        numbers = range(day.tree.size)
        own = {number: timelines.get(first + number, []) for number in numbers}
        figures = {number: seconds.get(first + number, Seconds()) for number in numbers}
        yield day, Judged(day.period, day.tree, own, figures, day.forced, rules.operations)


def _by_node(periods: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(periods, key=lambda row: int(row["start_s"])):
        found[row["node"]].append(row)
    return found


def _runs_of(runs: pa.Table, day: _Day) -> pa.Table:
    """The plan's relation of that day: with seconds from its midnight. What lies after its end does not count yet."""
    window = Window(day.period.window.start - DAY, day.period.window.end)
    start = runs.column("start")
    own = runs.filter(pc.and_(pc.greater_equal(start, window.start), pc.less(start, window.end)))
    midnight_us = int(day.period.window.start.timestamp()) * _MICROSECONDS
    for name, column in (("start_s", "start"), ("last_s", "last_at")):
        micros = own.column(column).cast(pa.int64()).to_numpy() - midnight_us
        own = own.append_column(name, pa.array(np.floor_divide(micros, _MICROSECONDS), pa.int64()))
    return own.drop_columns(["last_at"])
