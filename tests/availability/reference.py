"""A second, deliberately naive judgement: looks at every instant at which anything may change, one after the other.

Plain Python, no relation, no window, no code of the plan's; `core.status` combines. The plan must equal it to the
second (availability.md sections 2 and 3).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from gridkeeper.availability.tree import Excuse, Expected, Path
from gridkeeper.core.status import Status, combine_and, combine_or

Figures = dict[str, int]
Timeline = list[tuple[int, int, Status]]


@dataclass(frozen=True)
class Heard:
    """A hard result as the lake holds it."""

    series: int
    executed_at: datetime
    status: Status
    seq: int


@dataclass
class Reference:
    day: date
    length_s: int
    expected: list[Expected]
    results: list[Heard]
    excuses: list[Excuse]
    midnight: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.midnight = datetime.combine(self.day, time(), UTC)
        day_before = self.midnight - timedelta(days=1)
        # One day back and no further; nothing of the day after.
        in_reach = [r for r in self.results if day_before <= r.executed_at < self.midnight + timedelta(days=1)]
        self.results = sorted(in_reach, key=lambda r: (r.executed_at, r.seq))

    def second_of(self, moment: datetime) -> int:
        return (moment - self.midnight) // timedelta(seconds=1)

    def instants(self) -> list[int]:
        """Every second at which some status may change."""
        found = {0, self.length_s}
        for line in self.expected:
            found |= {line.from_s, line.until_s}
            for result in self.results:
                if result.series == line.series:
                    second = self.second_of(result.executed_at)
                    found |= {second, second + line.validity_s}
        for excuse in self.excuses:
            found |= {excuse.start_s, excuse.end_s}
        return sorted(second for second in found if 0 <= second <= self.length_s)

    def children(self, path: Path) -> list[Path]:
        paths = {Path(*line.path[: sum(map(bool, path)) + 1]) for line in self.expected}
        return sorted(child for child in paths if child.parent == path)

    def nodes(self) -> list[Path]:
        return sorted({Path(*line.path[:n]) for line in self.expected for n in range(1, 7)})

    def status(self, path: Path, second: int) -> Status:
        level = path.level.name
        if level == "METRIC":
            return self._of_metric(path, second)
        parts = [self.status(child, second) for child in self.children(path)]
        if level == "SERVICE":
            combined = combine_and(parts)
            return Status.DOWNTIME if combined is not Status.EXCLUDED and self._excused(path, second) else combined
        return combine_or(parts) if level == "FLAVOUR" else combine_and(parts)

    def _of_metric(self, path: Path, second: int) -> Status:
        lines = [e for e in self.expected if e.path == path and e.from_s <= second < e.until_s]
        if not lines:
            return Status.EXCLUDED
        line = lines[0]
        status = self._heard(line, second)
        if status is None:
            said = any(self._heard(line, earlier) is not None for earlier in self._instants_of(line, second))
            return Status.UNKNOWN if line.is_new and not said else Status.MISSING
        return status

    def _instants_of(self, line: Expected, second: int) -> list[int]:
        """The instants of the interval until then at which something may have been heard."""
        heard = [self.second_of(r.executed_at) for r in self.results if r.series == line.series]
        return [line.from_s, *(instant for instant in heard if line.from_s <= instant <= second)]

    def _heard(self, line: Expected, second: int) -> Status | None:
        """What the latest result says at that second, unless there is none or it is too old."""
        heard = [r for r in self.results if r.series == line.series and self.second_of(r.executed_at) <= second]
        if not heard or second >= self.second_of(heard[-1].executed_at) + line.validity_s:
            return None
        return heard[-1].status

    def _excused(self, path: Path, second: int) -> bool:
        return any(
            (e.hostname, e.service_type) == (path.hostname, path.service_type) and e.start_s <= second < e.end_s
            for e in self.excuses
        )

    def timeline(self, path: Path) -> Timeline:
        merged: Timeline = []
        instants = self.instants()
        for start, end in pairwise(instants):
            status = self.status(path, start)
            if merged and merged[-1][2] is status:
                merged[-1] = (merged[-1][0], end, status)
            else:
                merged.append((start, end, status))
        return merged

    def figures(self, path: Path) -> Figures:
        """Of a region or the federation: the sums over its sites."""
        if path.level.name in ("REGION", "FEDERATION"):
            return add(self.figures(child) for child in self.children(path))
        return count(self.timeline(path))

    def hour(self, path: Path, hour: int) -> Figures:
        """Seconds within one hour; changes are not counted."""
        if path.level.name in ("REGION", "FEDERATION"):
            return add(self.hour(child, hour) for child in self.children(path))
        window = range(hour * 3600, (hour + 1) * 3600)
        cut = [(max(a, window.start), min(b, window.stop), s) for a, b, s in self.timeline(path)]
        return count([(a, b, s) for a, b, s in cut if a < b])


def count(timeline: Timeline) -> Figures:
    seconds = {status: sum(b - a for a, b, s in timeline if s is status) for status in Status}
    return {
        "total_s": sum(seconds.values()),
        "up_s": seconds[Status.OK] + seconds[Status.WARNING],
        "unknown_s": seconds[Status.UNKNOWN] + seconds[Status.MISSING],
        "down_s": seconds[Status.DOWNTIME],
        "excluded_s": seconds[Status.EXCLUDED],
        "critical_s": seconds[Status.CRITICAL],
        "flips": len(timeline) - 1,
    }


def add(figures: Iterable[Figures]) -> Figures:
    whole: Figures = {}
    for part in figures:
        whole = {name: whole.get(name, 0) + number for name, number in part.items()}
    return whole
