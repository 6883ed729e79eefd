"""Which reports of a day are judged alike, and by what: each such share of the day's tree is one run of the plan."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from gridkeeper.availability import topology
from gridkeeper.availability.heard import runs_of
from gridkeeper.availability.judge import Judgement, Rules, judge
from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations, OperationsError
from gridkeeper.availability.profiles.in_force import ProfileMissingError
from gridkeeper.availability.recomputations.rules import Change, Silenced, overrides, silenced
from gridkeeper.availability.relations import provide
from gridkeeper.availability.thresholds import Thresholds
from gridkeeper.availability.topology import JudgedBy, Names, Period, Reading
from gridkeeper.availability.tree import Tree
from gridkeeper.availability.verdicts import Ranges
from gridkeeper.bus.facts import Facts
from gridkeeper.core.windows import Window
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.scan import arrow_table

_STANDARD = JudgedBy(DEFAULT_OPERATIONS, {})


@dataclass(frozen=True, slots=True)
class Share:
    """Reports that one run of the plan judges: they have the same operations and listen to the same workers.

    thresholds: that replace statuses by what was measured, or None
    """

    reports: frozenset[str]
    operations: Operations
    silenced: frozenset[Silenced]
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is judged by.

    tree: that of all its reports
    judged_by: report -> its operations, and the versions that make its figures
    broken: reports that cannot be judged, with the reason
    changes: the recomputations that touch it, in their order
    """

    period: Period
    tree: Tree
    changes: Sequence[Change]
    names: Names
    validity: Validity
    judged_by: dict[str, JudgedBy] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)

    @property
    def reports(self) -> list[str]:
        """Those that have something to judge, by name."""
        return sorted(self.tree.reports())

    def shares(self) -> Iterator[Share]:
        """Every report is in exactly one of them."""
        alike: dict[tuple[Operations, frozenset[Silenced], Thresholds | None], set[str]] = {}
        for report in self.reports:
            made_by = self.judged_by.get(report, _STANDARD)
            key = (made_by.operations, silenced(self.changes, report), made_by.thresholds)
            alike.setdefault(key, set()).add(report)
        for (operations, deaf_to, thresholds), reports in alike.items():
            yield Share(frozenset(reports), operations, deaf_to, thresholds)

    def keys_for(self, report: str) -> list[str]:
        """The recomputations that a report's figures of the day are made with, in their order."""
        return [change.key for change in self.changes if change.is_for(report)]


def day_of(period: Period, changes: Sequence[Change], names: Names, reading: Reading | None = None) -> Day:
    """The day as it is to be judged now. A report whose profiles are missing or wrong does not keep others waiting.

    reading: of a window with this day, for who asks for several
    """
    judged_by: dict[str, JudgedBy] = {}
    broken: dict[str, Exception] = {}
    for report in topology.reports_of(period.day):
        try:
            judged_by[report.name] = topology.judged_by(period, report.name)
        except (ProfileMissingError, OperationsError) as error:
            broken[report.name] = error
    if broken:
        tree = _merged(topology.tree_of(period, report=name, reading=reading) for name in judged_by)
    else:
        tree = topology.tree_of(period, reading=reading)
    return Day(period, tree, touching(changes, period.window), names, topology.validity(), judged_by, broken)


def _merged(trees: Iterable[Tree]) -> Tree:
    """The trees of several reports as one."""
    whole = Tree()
    for tree in trees:
        whole.functions |= tree.functions
        whole.combinations |= tree.combinations
        whole.excuses += [excuse for excuse in tree.excuses if excuse not in whole.excuses]
        whole.add(tree)
    return whole


def touching(changes: Sequence[Change], window: Window) -> list[Change]:
    """Those that may change the figures of a day."""
    return [change for change in changes if change.days_window.is_overlapping(window)]


def judge_share(con: Any, facts: Facts, day: Day, share: Share, *, with_hours: bool = True) -> tuple[Tree, Judgement]:
    """Judges a share of the day. Returns the tree whose nodes the judgement names."""
    part = day.tree.part(share.reports)
    window, names = day.period.window, day.names.sites
    if day.changes:
        part.overrides = list(overrides(day.changes, part.numbers, window, operations=share.operations, names=names))
    ranges = Ranges.of(share.thresholds, part.expected, names) if share.thresholds else None
    runs = runs_of(con, facts, day.period, day.validity, share.silenced, ranges)
    if 0 < part.size < day.tree.size // 2:
        runs = runs.semi_join(arrow_table(con, pa.table({"series": part.series()})), "series")
    provide(con, part, runs, day.period.day)
    return part, judge(con, Rules(day.period.length_s, share.operations), with_hours=with_hours)
