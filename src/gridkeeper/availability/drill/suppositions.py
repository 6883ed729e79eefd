"""What might have been: a downtime declared, a metric not counted, or several of these. Pure.

A supposition is made on a day's tree before it is judged, so that what it says comes out of the plan like any figure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Excuse, Tree
from gridkeeper.core.windows import Window


@dataclass(frozen=True, slots=True)
class SupposedDowntime:
    """A scheduled outage of a service that nobody declared."""

    service_type: str
    hostname: str
    window: Window


@dataclass(frozen=True, slots=True)
class Supposition:
    """Downtimes that are added, and metrics that do not count: all (metric, service type) given here at once."""

    downtimes: tuple[SupposedDowntime, ...] = ()
    without: frozenset[tuple[str, str]] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.downtimes or self.without)

    def concerns(self, window: Window) -> bool:
        """Whether anything within the window could be otherwise."""
        return bool(self.without) or any(each.window.is_overlapping(window) for each in self.downtimes)


NOTHING = Supposition()


def suppose(tree: Tree, supposition: Supposition, period: Period) -> Tree:
    """The tree as it would be, as the registry would make it: a service none of whose tests count is not in it."""
    supposed = tree.bare()
    supposed.excuses += _excuses(supposition.downtimes, period)
    for line in tree.expected:
        if (line.path.metric, line.path.service_type) not in supposition.without:
            supposed.expect(line)
    return supposed


def _excuses(downtimes: Iterable[SupposedDowntime], period: Period) -> list[Excuse]:
    made = []
    for downtime in downtimes:
        common = downtime.window.intersection(period.window)
        if common is not None:
            seconds = (period.second(common.start), period.second(common.end))
            made.append(Excuse(downtime.hostname, downtime.service_type, *seconds))
    return [excuse for excuse in made if excuse.start_s < excuse.end_s]
