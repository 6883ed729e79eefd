"""A judged day's rows put together as the site's tree."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from gridkeeper.availability.drill.branches import Branch, Forced, Segment
from gridkeeper.availability.levels import Level
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Path, Tree
from gridkeeper.core.status import Status

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Starts:
    """Where each series' runs began, in order."""

    by_series: Mapping[int, list[datetime]]

    @classmethod
    def of(cls, runs: pa.Table) -> "Starts":
        found: dict[int, list[datetime]] = defaultdict(list)
        for series, start in zip(*(runs.column(name).to_pylist() for name in ("series", "start")), strict=True):
            found[series].append(start)
        return cls({series: sorted(starts) for series, starts in found.items()})

    def newest(self, series: int, second: datetime) -> datetime | None:
        """The start of the run that held in that second; the plan rounds seconds down."""
        starts = self.by_series.get(series, [])
        place = bisect_right(starts, second + _SECOND - timedelta(microseconds=1))
        return starts[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the plan said of one version of a day, by the numbers of its tree."""

    period: Period
    tree: Tree
    timelines: Mapping[int, Sequence[Mapping[str, Any]]]
    seconds: Mapping[int, Seconds]
    forced: Mapping[Path, list[Forced]]
    operations: Operations


def grow(judged: Judged, starts: Starts) -> Branch | None:
    """The site of a tree that holds one; None where nothing of it has a timeline."""
    site = next((path for path in judged.tree.numbers if path.level is Level.SITE), None)
    return None if site is None else _Grower(judged, starts).branch(site)


class _Grower:
    def __init__(self, judged: Judged, starts: Starts) -> None:
        self._judged = judged
        self._starts = starts
        self._series = {line.path: line.series for line in judged.tree.expected}
        self._parts: dict[Path, list[Path]] = defaultdict(list)
        for path in sorted(judged.tree.numbers):
            for parent in judged.tree.parents(path):
                self._parts[parent].append(path)

    def branch(self, path: Path) -> Branch | None:
        node = self._judged.tree.numbers[path]
        if not self._judged.timelines.get(node):
            return None
        parts = [_collapsed(part) for child in self._parts[path] if (part := self.branch(child)) is not None]
        judged = self._judged
        segments, seconds = list(self._segments(path, node)), judged.seconds.get(node, Seconds())
        return Branch(
            path, path.level, segments, seconds, judged.tree.operation(path), judged.forced.get(path, []), parts
        )

    def _segments(self, path: Path, node: int) -> Iterator[Segment]:
        midnight, series = self._judged.period.window.start, self._series.get(path)
        for row in self._judged.timelines[node]:
            start, end = (midnight + timedelta(seconds=row[name]) for name in ("start_s", "end_s"))
            status, word = self._status(row["status"])
            is_told = series is not None and status is not Status.EXCLUDED
            began_at = self._starts.newest(series, start) if series is not None and is_told else None
            yield Segment(start, end, status, word, series, began_at)

    def _status(self, code: int) -> tuple[Status, str]:
        """Ours that it counts as, and the profile's own word where it is another one."""
        if code in Status._value2member_map_:
            return Status(code), ""
        word = self._judged.operations.state(code)
        return self._standing_for(word), word

    def _standing_for(self, word: str) -> Status:
        operations = self._judged.operations
        if word in operations.up:
            return Status.OK
        words = {
            operations.unknown: Status.UNKNOWN,
            operations.missing: Status.MISSING,
            operations.down: Status.DOWNTIME,
        }
        return words.get(word, Status.CRITICAL)


def _collapsed(branch: Branch) -> Branch:
    """A function that is one service type, of the same name and status, is shown as that type."""
    if branch.level is not Level.FUNCTION or len(branch.parts) != 1 or branch.forced:
        return branch
    only = branch.parts[0]
    return only if only.name == branch.name and only.segments == branch.segments else branch
