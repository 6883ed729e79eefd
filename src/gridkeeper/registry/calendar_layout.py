"""Where a downtime stands in a calendar: on which local days, and in which lane. Pure: no database, no clock.

A day is that of the reader's clock: 23 or 25 hours long where clocks change. Windows are half-open, so what ends at
midnight is not on the day that begins then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gridkeeper.core.windows import Window

DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


def day_window(day: date, zone: ZoneInfo) -> Window:
    """The day of a clock in that zone, as instants.

    >>> day_window(date(2026, 3, 29), ZoneInfo("Europe/Rome")).duration
    datetime.timedelta(seconds=82800)
    """
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + DAY))
    return Window(start, end)


def days_window(first: date, days: int, zone: ZoneInfo) -> Window:
    """Consecutive days, as instants."""
    return Window(day_window(first, zone).start, day_window(first + (days - 1) * DAY, zone).end)


def local_days(window: Window, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last day that the window touches."""
    last = max(window.start, window.end - _INSTANT)
    return window.start.astimezone(zone).date(), last.astimezone(zone).date()


def weeks_of_month(month: date) -> list[date]:
    """The Mondays of the weeks that show the month.

    >>> [f"{monday:%m-%d}" for monday in weeks_of_month(date(2026, 3, 10))]
    ['02-23', '03-02', '03-09', '03-16', '03-23', '03-30']
    """
    first = month.replace(day=1)
    monday = first - first.weekday() * DAY
    after = next_month(month)
    return [monday + n * 7 * DAY for n in range(6) if monday + n * 7 * DAY < after]


def next_month(month: date) -> date:
    """The first of the month after.

    >>> next_month(date(2026, 12, 31))
    datetime.date(2027, 1, 1)
    """
    return (month.replace(day=28) + 4 * DAY).replace(day=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A window in a row of days. number: which of the windows; column and span in days; lane counts from 0.

    is_cut_before, is_cut_after: it goes on outside the row
    """

    number: int
    lane: int
    column: int
    span: int
    is_cut_before: bool
    is_cut_after: bool

    @property
    def columns(self) -> range:
        return range(self.column, self.column + self.span)


def place_days(windows: Sequence[Window], first: date, days: int, zone: ZoneInfo) -> list[Bar]:
    """A bar for each window that touches the row of days, none overlapping another in its lane; earlier ones higher."""
    last = first + (days - 1) * DAY
    touched = []
    for number, window in enumerate(windows):
        begin, end = local_days(window, zone)
        if begin <= last and end >= first:
            touched.append((max(begin, first), -(min(end, last) - max(begin, first)).days, number, begin, end))
    free: list[date] = []
    bars = []
    for begin, _, number, real_begin, real_end in sorted(touched):
        end = min(real_end, last)
        lane = next((at for at, until in enumerate(free) if until < begin), len(free))
        free[lane:] = [end, *free[lane + 1 :]]
        bars.append(
            Bar(number, lane, (begin - first).days, (end - begin).days + 1, real_begin < first, real_end > last)
        )
    return bars


def rows_of_cells(bars: Sequence[Bar], days: int, lanes: int) -> Iterator[list[Bar | int]]:
    """The lanes as table rows: bars, and numbers of empty columns between them. Those beyond `lanes` are left out."""
    for lane in range(min(lanes, 1 + max((bar.lane for bar in bars), default=-1))):
        row: list[Bar | int] = []
        at = 0
        for bar in sorted((bar for bar in bars if bar.lane == lane), key=lambda bar: bar.column):
            if bar.column > at:
                row.append(bar.column - at)
            row.append(bar)
            at = bar.column + bar.span
        if at < days:
            row.append(days - at)
        yield row


def hidden_by_day(bars: Sequence[Bar], days: int, lanes: int) -> list[int]:
    """How many bars of each day lie in lanes that are left out."""
    return [sum(bar.lane >= lanes and day in bar.columns for bar in bars) for day in range(days)]


@dataclass(frozen=True, slots=True)
class Stripe:
    """A window in a timeline: number of the window, lane, and where it lies as fractions of the whole (0 to 1)."""

    number: int
    lane: int
    begin: float
    end: float


def place_stripes(windows: Sequence[Window], whole: Window) -> list[Stripe]:
    """A stripe for each window that shares an instant with the whole, none overlapping another in its lane."""
    shown = [
        (part.start, part.end, number)
        for number, window in enumerate(windows)
        if (part := window.intersection(whole)) is not None
    ]
    free: list[datetime] = []
    stripes = []
    for start, end, number in sorted(shown):
        lane = next((at for at, until in enumerate(free) if until <= start), len(free))
        free[lane:] = [end, *free[lane + 1 :]]
        stripes.append(
            Stripe(number, lane, (start - whole.start) / whole.duration, (end - whole.start) / whole.duration)
        )
    return stripes
