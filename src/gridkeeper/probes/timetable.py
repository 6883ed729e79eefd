"""When each instance is due next: a heap of times, for a million instances. No clock: times are handed in.

Times are seconds since the epoch, as in `probes.schedule`.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping

from gridkeeper.probes.instances import Instance
from gridkeeper.probes.memory import Memory
from gridkeeper.probes.schedule import next_run_s, pace_s


class Timetable:
    """Due times by series. An entry of the heap counts only while it is the one that `_due` names."""

    def __init__(self, memory: Memory, speed: float) -> None:
        """speed: divides every interval."""
        self._memory = memory
        self._speed = speed
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_s(self) -> float:
        """When something is due next; infinity where nothing is."""
        return self._heap[0][0] if self._heap else math.inf

    def interval_s(self, instance: Instance) -> float:
        """How often the instance runs now.

        It never slows down so far that its results would grow too old between two runs.
        """
        test = instance.test
        if not test.fastest_interval_s and not test.slowest_interval_s:
            return test.interval_s / self._speed
        slowest_s = min(test.slowest_interval_s, test.validity_s / 2)
        calm = self._memory.calm_runs(instance.series)
        return pace_s(test.interval_s, test.fastest_interval_s, slowest_s, calm) / self._speed

    def plan(self, series: int, due_s: float) -> None:
        """Lets the series be due at that time instead of any other."""
        self._due[series] = due_s
        heapq.heappush(self._heap, (due_s, series))

    def plan_before(self, series: int, due_s: float) -> None:
        """Lets the series be due at that time unless it is due sooner."""
        if due_s < self._due.get(series, math.inf):
            self.plan(series, due_s)

    def plan_after_run(self, instance: Instance, now_s: float) -> None:
        """Brings the next run forward where the pace has become faster."""
        if instance.test.fastest_interval_s:
            self.plan_next(instance, now_s)

    def plan_next(self, instance: Instance, now_s: float) -> None:
        """Lets the series be due at its next own instant, unless something made it due sooner."""
        self.plan_before(instance.series, next_run_s(instance.series, self.interval_s(instance), now_s))

    def due(self, instances: Mapping[int, Instance], now_s: float) -> Iterator[tuple[Instance, float]]:
        """What is due, with when it was.

        The caller plans each anew: when its run starts, so that an engine with more to do than it can pays nothing for
        what waits.
        """
        while self._heap and self._heap[0][0] <= now_s:
            due_s, series = heapq.heappop(self._heap)
            instance = instances.get(series)
            if instance is None or self._due.get(series) != due_s:
                continue  # gone, or planned anew since
            del self._due[series]
            yield instance, due_s

    def synchronise(self, instances: Mapping[int, Instance], now_s: float) -> None:
        """Forgets what has gone, and plans what is new or must run more often than it is planned."""
        for series in self._due.keys() - instances.keys():
            del self._due[series]
        for series, instance in instances.items():
            interval_s = self.interval_s(instance)
            if self._due.get(series, math.inf) > now_s + interval_s:
                self.plan(series, next_run_s(series, interval_s, now_s))
        if len(self._heap) > 2 * len(self._due) + 1000:  # most entries count no more
            self._heap = [(due_s, series) for series, due_s in self._due.items()]
            heapq.heapify(self._heap)

    def spread(self, wanted: Iterable[Instance], now_s: float, over_s: float) -> None:
        """Lets these run soon, each at its own instant within `over_s`: no burst when a downtime ends."""
        for instance in wanted:
            over = min(over_s, self.interval_s(instance))
            self.plan_before(instance.series, next_run_s(instance.series, over, now_s))
