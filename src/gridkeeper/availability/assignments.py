"""Which reports of a day are judged alike, and by what: each such share of the day's tree is one run of the plan."""

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from gridkeeper.availability import topology
from gridkeeper.availability.heard import runs_of
from gridkeeper.availability.judge import Judgement, Rules, judge
from gridkeeper.availability.placed import Names
from gridkeeper.availability.recomputations.rules import Change, Silenced, silenced
from gridkeeper.availability.relations import provide
from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Tree
from gridkeeper.bus.facts import Facts
from gridkeeper.core.windows import Window
from gridkeeper.lake.changes import Validity


@dataclass(frozen=True, slots=True)
class Share:
    """Reports that one run of the plan judges: they have the same operations and listen to the same workers."""

    reports: frozenset[str]
    silenced: frozenset[Silenced]


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is judged by.

    tree: that of all its reports
    inputs: report -> the versions that make its figures
    changes: the recomputations that touch it, in their order
    """

    period: Period
    tree: Tree
    changes: Sequence[Change]
    names: Names
    validity: Validity
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def reports(self) -> list[str]:
        return sorted({path.report for path in self.tree.numbers})

    def shares(self) -> Iterator[Share]:
        """Every report is in exactly one of them."""
        alike: dict[frozenset[Silenced], set[str]] = {}
        for report in self.reports:
            alike.setdefault(silenced(self.changes, report), set()).add(report)
        for deaf_to, reports in alike.items():
            yield Share(frozenset(reports), deaf_to)

    def keys_for(self, report: str) -> list[str]:
        """The recomputations that a report's figures of the day are made with, in their order."""
        return [change.key for change in self.changes if change.is_for(report)]


def day_of(period: Period, changes: Sequence[Change], names: Names) -> Day:
    """The day as it is to be judged now."""
    tree = topology.tree_of(period)
    return Day(period, tree, touching(changes, period.window), names, topology.validity())


def touching(changes: Sequence[Change], window: Window) -> list[Change]:
    """Those that may change the figures of a day."""
    return [change for change in changes if change.days_window.is_overlapping(window)]


def judge_share(
    con: Any, facts: Facts, day: Day, share: Share, *, tree: Tree | None = None, with_hours: bool = True
) -> tuple[Tree, Judgement]:
    """Judges a share of the day; `tree`: only this part of it. Returns the tree whose nodes the judgement names."""
    part = part_of(day.tree if tree is None else tree, share.reports)
    provide(con, part, runs_of(con, facts, day.period, day.validity, share.silenced), day.period.day)
    return part, judge(con, Rules(day.period.length_s), with_hours=with_hours)


def part_of(tree: Tree, reports: Collection[str], sites: Collection[str] | None = None) -> Tree:
    """The tree of some reports (and some sites) alone; the same where it has no others."""
    if sites is None and {path.report for path in tree.numbers} <= set(reports):
        return tree
    part = copy(tree)
    part.numbers, part.expected = {}, []
    for line in tree.expected:
        if line.path.report in reports and (sites is None or line.path.site in sites):
            part.expect(line)
    return part
