"""The part of a day that is judged. Used by all that makes trees of days."""

from dataclasses import dataclass
from datetime import date, datetime

from gridkeeper.core.windows import DAY, Window

_SECOND = DAY / 86_400


@dataclass(frozen=True, slots=True)
class Period:
    """The part of a day that is judged: all of it, or what has passed of today."""

    day: date
    window: Window

    @classmethod
    def of(cls, day: date, now: datetime) -> "Period | None":
        """None for a day that has not begun a second ago."""
        whole = Window.of_day(day)
        end = min(whole.end, max(whole.start, now.replace(microsecond=0)))
        return cls(day, Window(whole.start, end)) if end > whole.start else None

    @property
    def length_s(self) -> int:
        return self.window.seconds

    def second(self, moment: datetime) -> int:
        """Whole seconds from midnight, rounded down, kept within the period."""
        return min(max((moment - self.window.start) // _SECOND, 0), self.length_s)
