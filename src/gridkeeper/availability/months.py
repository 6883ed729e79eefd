"""Calendar months as the pages page through them. Pure."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from gridkeeper.core.windows import DAY, Window

_EARLIEST = 1990


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the UTC calendar."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From "2026-03". Raises ValueError saying how it is written."""
        try:
            found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            raise ValueError(f"{text!r} is not a month; write it as 2026-03") from None
        if not _EARLIEST <= found.year < 2200:
            raise ValueError(f"{text!r} lies outside the years that we know; write it as 2026-03")
        return cls(found.year, found.month)

    @property
    def previous(self) -> "Month":
        return Month.of(date(self.year, self.number, 1) - DAY)

    @property
    def next(self) -> "Month":
        return Month.of(date(self.year, self.number, 28) + timedelta(days=4))

    @property
    def window(self) -> Window:
        """[first of the month, first of the next) in UTC.

        >>> Month(2026, 2).window.duration.days
        28
        """
        end = self.next
        return Window(datetime(self.year, self.number, 1, tzinfo=UTC), datetime(end.year, end.number, 1, tzinfo=UTC))

    def days(self) -> list[date]:
        return list(self.window.days())

    @property
    def title(self) -> str:
        return f"{calendar.month_name[self.number]} {self.year}"

    @property
    def short_title(self) -> str:
        """For the head of a narrow column: Mar 26."""
        return f"{calendar.month_abbr[self.number]} {self.year % 100:02d}"

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"
