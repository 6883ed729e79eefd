"""Half-open windows of UTC time, `[start, end)`. Naive datetimes are refused at construction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class NaiveTimeError(ValueError):
    """A datetime without an offset: which instant it means is unknown."""


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises NaiveTimeError for a datetime without an offset."""
    if moment.tzinfo is None:
        raise NaiveTimeError(f"{moment.isoformat()} has no offset; write it as {moment.isoformat()}Z if it is UTC")
    return moment.astimezone(UTC)


def parse_time(text: str) -> datetime:
    """An ISO 8601 instant with an offset, in UTC. Raises ValueError saying what is wrong.

    >>> parse_time("2026-01-14T03:00:00Z").isoformat()
    '2026-01-14T03:00:00+00:00'
    """
    return as_utc(datetime.fromisoformat(text.strip()))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """`[start, end)` in UTC; an empty window (start == end) is allowed, a reversed one is not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.end < self.start:
            raise ValueError(f"the window ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()})")

    @classmethod
    def of_day(cls, day: date) -> "Window":
        """The UTC day: 86400 s, whatever local clocks do."""
        start = datetime.combine(day, time(), UTC)
        return cls(start, start + DAY)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def seconds(self) -> int:
        return int(self.duration.total_seconds())

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def is_overlapping(self, other: "Window") -> bool:
        """True where both hold a common instant; touching windows do not overlap."""
        return max(self.start, other.start) < min(self.end, other.end)

    def intersection(self, other: "Window") -> "Window | None":
        """The common part, or None where there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if start < end else None

    def days(self) -> Iterator[date]:
        """Each UTC date that the window touches."""
        day = self.start.date()
        while datetime.combine(day, time(), UTC) < self.end:
            yield day
            day += DAY

    def split(self, step: timedelta) -> Iterator["Window"]:
        """Consecutive windows of `step` from the start; the last one may be shorter."""
        start = self.start
        while start < self.end:
            end = min(start + step, self.end)
            yield Window(start, end)
            start = end


def merge_windows(windows: Iterable[Window]) -> list[Window]:
    """The same instants as disjoint windows in order; touching ones become one, empty ones vanish."""
    merged: list[Window] = []
    for window in sorted(w for w in windows if w.start < w.end):
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged
