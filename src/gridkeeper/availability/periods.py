"""Periods as people name them: a day, a week, a month, a quarter, a year, or any days. UTC, pure.

In addresses: 2026-03-10, 2026-W10, 2026-03, 2026-Q1, 2026, 2026-03-01..2026-03-20 (both days included).
"""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from gridkeeper.core.windows import DAY, Window

_EARLIEST, _LATEST = date(1990, 1, 1), date(2200, 1, 1)
#: Longest period of any days: a page of it still has few columns.
MOST_DAYS = 1100
#: Longest periods that a page shows by day and by week.
_BY_DAY_DAYS, _BY_WEEK_DAYS = 45, 200
_HOW = "write it as 2026-03-10, 2026-W10, 2026-03, 2026-Q1, 2026 or 2026-03-01..2026-03-20"


class Kind(StrEnum):
    """What a period is called."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ANY = "any"

    @property
    def words(self) -> str:
        """As a menu says it."""
        return "any days" if self is Kind.ANY else self.value


class Step(StrEnum):
    """What a period is cut into; the value is what DuckDB's date_trunc calls it."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Column:
    """A part of a period. start: its first day, and the hour of it for hours.

    period: the part as an address names it; "" for hours
    """

    start: date
    hour: int | None
    label: str
    title: str
    period: str
    is_weekend: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The days `[first, end)`."""

    kind: Kind
    first: date
    end: date

    @classmethod
    def of(cls, kind: Kind, day: date) -> "Span":
        """The day, week (Monday to Sunday), month, quarter or year that the day lies in.

        >>> str(Span.of(Kind.QUARTER, date(2026, 3, 10))), str(Span.of(Kind.WEEK, date(2027, 1, 1)))
        ('2026-Q1', '2026-W53')
        """
        first = _FIRSTS[kind](day)
        return cls(kind, first, _after(kind, first))

    @classmethod
    def parse(cls, text: str) -> "Span":
        """From the text of an address. Raises ValueError saying how it is written."""
        for pattern, read in _READERS.items():
            if found := re.fullmatch(pattern, text, re.ASCII):
                try:
                    span = read(*found.groups())
                except (ValueError, OverflowError):
                    break
                return span._checked(text)
        raise ValueError(f"{text!r} is not a period; {_HOW}")

    @classmethod
    def between(cls, first: date, last: date) -> "Span":
        """Any days, both included. Raises ValueError where they are exchanged or too many."""
        if last < first:
            raise ValueError(f"the period ends {last} before it begins {first}; exchange them")
        if (last - first).days >= MOST_DAYS:
            raise ValueError(f"{first}..{last} is too long; take at most {MOST_DAYS} days")
        return cls(Kind.ANY, first, last + DAY)

    def _checked(self, text: str) -> "Span":
        if not _EARLIEST <= self.first < _LATEST:
            raise ValueError(f"{text!r} lies outside the years that we know; {_HOW}")
        return self

    @property
    def last(self) -> date:
        return self.end - DAY

    @property
    def length_days(self) -> int:
        return (self.end - self.first).days

    @property
    def window(self) -> Window:
        """
        >>> Span.parse("2026-02").window.duration.days
        28
        """
        return Window(datetime.combine(self.first, time(), UTC), datetime.combine(self.end, time(), UTC))

    @property
    def previous(self) -> "Span":
        """The one before: as long where it is of any days."""
        if self.kind is Kind.ANY:
            return Span(Kind.ANY, self.first - (self.end - self.first), self.first)
        return Span.of(self.kind, self.first - DAY)

    @property
    def next(self) -> "Span":
        if self.kind is Kind.ANY:
            return Span(Kind.ANY, self.end, self.end + (self.end - self.first))
        return Span.of(self.kind, self.end)

    def elapsed_s(self, now: datetime) -> int:
        """Seconds of it that have passed."""
        window = self.window
        return Window(window.start, min(max(now, window.start), window.end)).seconds

    @property
    def step(self) -> Step:
        """What a page cuts it into: at most some forty columns."""
        if self.length_days == 1:
            return Step.HOUR
        if self.length_days <= _BY_DAY_DAYS:
            return Step.DAY
        return Step.WEEK if self.length_days <= _BY_WEEK_DAYS else Step.MONTH

    def columns(self) -> list[Column]:
        """Its parts in order. The first and last week or month of it may reach beyond it; only its days count."""
        if self.step is Step.HOUR:
            return [
                Column(self.first, hour, f"{hour:02d}", f"{self.first} {hour:02d}:00–{(hour + 1) % 24:02d}:00 UTC", "")
                for hour in range(24)
            ]
        parts: list[Column] = []
        day = self.first
        while day < self.end:
            part = Span.of(Kind(self.step), day)
            parts.append(part._column(is_first=not parts))
            day = part.end
        return parts

    def _column(self, *, is_first: bool) -> Column:
        label = {
            Kind.DAY: str(self.first.day),
            Kind.WEEK: f"W{self.first.isocalendar().week}",
            Kind.MONTH: f"{calendar.month_abbr[self.first.month]}"
            + (f" {self.first.year}" if is_first or self.first.month == 1 else ""),
        }[self.kind]
        return Column(self.first, None, label, str(self), str(self), self.kind is Kind.DAY and self.first.weekday() > 4)

    @property
    def title(self) -> str:
        """As a heading says it."""
        return _TITLES[self.kind](self)

    def __str__(self) -> str:
        """As an address says it; `parse` reads it."""
        return _TEXTS[self.kind](self)


def _after(kind: Kind, first: date) -> date:
    if kind is Kind.DAY:
        return first + DAY
    if kind is Kind.WEEK:
        return first + 7 * DAY
    months = {Kind.MONTH: 1, Kind.QUARTER: 3, Kind.YEAR: 12}[kind]
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def _quarter(day: date) -> int:
    return (day.month + 2) // 3


_FIRSTS: Mapping[Kind, Callable[[date], date]] = {
    Kind.DAY: lambda day: day,
    Kind.WEEK: lambda day: day - timedelta(days=day.weekday()),
    Kind.MONTH: lambda day: day.replace(day=1),
    Kind.QUARTER: lambda day: date(day.year, 3 * _quarter(day) - 2, 1),
    Kind.YEAR: lambda day: date(day.year, 1, 1),
}
_TEXTS: Mapping[Kind, Callable[[Span], str]] = {
    Kind.DAY: lambda span: span.first.isoformat(),
    Kind.WEEK: lambda span: "{}-W{:02d}".format(*span.first.isocalendar()[:2]),
    Kind.MONTH: lambda span: f"{span.first:%Y-%m}",
    Kind.QUARTER: lambda span: f"{span.first.year}-Q{_quarter(span.first)}",
    Kind.YEAR: lambda span: str(span.first.year),
    Kind.ANY: lambda span: f"{span.first}..{span.last}",
}
_TITLES: Mapping[Kind, Callable[[Span], str]] = {
    Kind.DAY: lambda span: f"{calendar.day_abbr[span.first.weekday()]} {span.first}",
    Kind.WEEK: lambda span: "week {1} of {0}".format(*span.first.isocalendar()[:2]),
    Kind.MONTH: lambda span: f"{calendar.month_name[span.first.month]} {span.first.year}",
    Kind.QUARTER: lambda span: f"quarter {_quarter(span.first)} of {span.first.year}",
    Kind.YEAR: lambda span: str(span.first.year),
    Kind.ANY: lambda span: f"{span.first} to {span.last}",
}


def _read_week(year: str, week: str) -> Span:
    return Span.of(Kind.WEEK, date.fromisocalendar(int(year), int(week), 1))


def _read_quarter(year: str, quarter: str) -> Span:
    return Span.of(Kind.QUARTER, date(int(year), 3 * int(quarter) - 2, 1))


_READERS: Mapping[str, Callable[..., Span]] = {
    r"(\d{4}-\d\d-\d\d)": lambda text: Span.of(Kind.DAY, date.fromisoformat(text)),
    r"(\d{4})-W(\d\d)": _read_week,
    r"(\d{4})-(\d\d)": lambda year, month: Span.of(Kind.MONTH, date(int(year), int(month), 1)),
    r"(\d{4})-Q([1-4])": _read_quarter,
    r"(\d{4})": lambda year: Span.of(Kind.YEAR, date(int(year), 1, 1)),
    r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)": lambda first, last: Span.between(
        date.fromisoformat(first), date.fromisoformat(last)
    ),
}
