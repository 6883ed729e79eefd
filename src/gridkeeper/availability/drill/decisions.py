"""What people decided that a day's timelines show: downtimes and recomputations, each with where it can be read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Coalesce

from gridkeeper.availability.drill.branches import Force, Forced
from gridkeeper.availability.drill.suppositions import SupposedDowntime
from gridkeeper.availability.levels import Level
from gridkeeper.availability.models import Recomputation
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.recomputations import queries
from gridkeeper.availability.recomputations.rules import Change, Silenced, overrides, silenced
from gridkeeper.availability.topology import Period, names
from gridkeeper.availability.tree import Excuse, Path, Tree
from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Classification, DowntimeService, Severity


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of a time.

    downtimes: (service type, hostname) -> window, key and description of those that excuse it
    changes: the recomputations in force, in their order, each with its reason
    sites: names by key, because a recomputation may name a group by either
    """

    downtimes: Mapping[tuple[str, str], Sequence[tuple[Window, str, str]]]
    changes: Sequence[tuple[Change, str]]
    sites: Mapping[str, str]

    @classmethod
    def on(cls, trees: Iterable[Tree], window: Window) -> "Decided":
        """Those that may concern these trees of the window's days. Four queries."""
        hosts = {line.path.hostname for tree in trees for line in tree.expected if line.path.hostname}
        rows: list[Recomputation] = queries.in_force(window)
        changes = [(queries.change_of(row), row.reason) for row in rows]
        return cls(_downtimes(hosts, window), changes, names().sites if changes else {})

    def silenced(self, period: Period, report: str) -> frozenset[Silenced]:
        """The workers whose results do not count that day."""
        return silenced([change for change, _ in self._touching(period)], report)

    def _touching(self, period: Period) -> list[tuple[Change, str]]:
        return [each for each in self.changes if each[0].days_window.is_overlapping(period.window)]

    def laid_over(
        self, tree: Tree, period: Period, supposed: Iterable[SupposedDowntime], operations: Operations
    ) -> tuple[Tree, dict[Path, list[Forced]]]:
        """The tree with the recomputations of the day, and what is set on its nodes: downtimes first, then those."""
        found = self._excused(tree, period, supposed, operations.down)
        laid = []
        for change, reason in self._touching(period):
            for each in overrides([change], tree.numbers, period.window, operations=operations, names=self.sites):
                laid.append(each)
                window = _window(period, each.start_s, each.end_s)
                forced = Forced(window, each.status, Force.RECOMPUTATION, change.key, reason)
                found.setdefault(each.path, []).append(forced)
        return tree.overridden_by(laid), found

    def _excused(
        self, tree: Tree, period: Period, supposed: Iterable[SupposedDowntime], word: str
    ) -> dict[Path, list[Forced]]:
        """The services that are excused, each time as narrowly named as it is known."""
        names = {(each.service_type, each.hostname) for each in supposed}
        found: dict[Path, list[Forced]] = defaultdict(list)
        for path in tree.numbers:
            of_whom = (path.service_type, path.hostname)
            for excuse in tree.excuses if path.level is Level.SERVICE else ():
                if (excuse.service_type, excuse.hostname) == of_whom:
                    force = Force.SUPPOSED if of_whom in names else Force.DOWNTIME
                    found[path] += self._named(excuse, period, word, force)
        return dict(found)

    def _named(self, excuse: Excuse, period: Period, word: str, force: Force) -> list[Forced]:
        whole = _window(period, excuse.start_s, excuse.end_s)
        known = self.downtimes.get((excuse.service_type, excuse.hostname), ())
        return [
            Forced(whole, word, force),
            *[
                Forced(common, word, Force.DOWNTIME, key, text)
                for window, key, text in known
                if (common := window.intersection(whole)) is not None
            ],
        ]


def _window(period: Period, start_s: int, end_s: int) -> Window:
    start, end = (period.window.start + timedelta(seconds=second) for second in (start_s, end_s))
    return Window(start, end)


def _downtimes(hosts: Iterable[str], window: Window) -> dict[tuple[str, str], list[tuple[Window, str, str]]]:
    """Scheduled outages, as `topology` excuses them; what they say, beside when."""
    rows = DowntimeService.objects.filter(
        service__hostname__in=hosts,
        downtime__severity=Severity.OUTAGE,
        downtime__classification=Classification.SCHEDULED,
        downtime__cancelled_at=None,
        downtime__start__lt=window.end,
        downtime__end__gt=window.start,
    )
    ends_at = Coalesce("end", "downtime__end")
    named = rows.order_by("downtime__start", "downtime__key").values_list(
        "service__service_type__name", "service__hostname", "downtime__start", ends_at, "downtime__key",
        "downtime__description",
    )  # fmt: skip
    found: dict[tuple[str, str], list[tuple[Window, str, str]]] = defaultdict(list)
    for service_type, hostname, start, end, key, text in named:
        if start < end:
            found[service_type, hostname].append((_whole_seconds(start, end), key, text))
    return found


def _whole_seconds(start: datetime, end: datetime) -> Window:
    """Rounded down, as the plan counts."""
    return Window(start.replace(microsecond=0), end.replace(microsecond=0))
