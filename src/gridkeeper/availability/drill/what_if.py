"""What figures would be under a supposition: the month and the days that it changes, before and after."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gridkeeper.availability import queries, topology
from gridkeeper.availability.drill import judging
from gridkeeper.availability.drill.branches import Branch
from gridkeeper.availability.drill.groups import Group
from gridkeeper.availability.drill.suppositions import NOTHING, Supposition
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Tree
from gridkeeper.core.windows import Window


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds before and after, of a day or of more."""

    before: Seconds
    after: Seconds

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    def values(self, measure: str) -> tuple[Decimal | None, Decimal | None]:
        return self.before.value(measure), self.after.value(measure)

    def difference(self, measure: str) -> Decimal | None:
        """In percentage points; None where one of the two is not computable."""
        before, after = self.values(measure)
        return None if before is None or after is None else after - before


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A day before and after; the trees are None where nothing was judged."""

    day: date
    compared: Compared
    before: Branch | None
    after: Branch | None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The month before and after, and the days that change."""

    month: Compared
    days: list[ComparedDay]


def what_if(group: Group, report: str, month: Month, supposition: Supposition, now: datetime) -> WhatIf:
    """The group's month under a supposition. Days that it cannot change are taken from the lake as they are.

    Days that have no figures yet have none here either.
    """
    stored = queries.figures(month.window, level="site", report=report, site=group.key)
    seconds = {figure.day: figure.seconds for figure in stored}
    concerned = [day for day in sorted(seconds) if supposition.concerns(Window.of_day(day))]
    versions = [judging.Asked(day, each) for day in concerned for each in (NOTHING, supposition)]
    trees = judging.judge_group(group, report, versions, now)
    days = [_day(day, trees, supposition) for day in concerned]
    judged = {each.day for each in days}
    rest = total([value for day, value in seconds.items() if day not in judged])
    before, after = (total([getattr(each.compared, side) for each in days]) for side in ("before", "after"))
    return WhatIf(Compared(rest + before, rest + after), [each for each in days if each.compared.is_changed])


def _day(day: date, trees: dict[judging.Asked, Branch], supposition: Supposition) -> ComparedDay:
    before, after = (trees.get(judging.Asked(day, each)) for each in (NOTHING, supposition))
    compared = Compared(*(tree.seconds if tree else Seconds() for tree in (before, after)))
    return ComparedDay(day, compared, before, after)


def judged_services(group: Group, report: str, days: Iterable[date], now: datetime) -> dict[tuple[str, str], set[str]]:
    """(service type, hostname) -> its metrics, on the newest of these days that has any: what can be supposed."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for period in (Period.of(day, now) for day in sorted(days, reverse=True)):
        tree = topology.tree_of(period, site=group.site, report=report, group=group.key) if period else Tree()
        for line in tree.expected:
            found[line.path.service_type, line.path.hostname].add(line.path.metric)
        if found:
            break
    return dict(sorted(found.items()))
