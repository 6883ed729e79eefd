"""The calendar of downtimes: what a month, a week or a timeline of sites shows. `calendar_layout` places it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gridkeeper.core.windows import Window
from gridkeeper.registry.calendar_filter import CalendarFilter
from gridkeeper.registry.calendar_layout import (
    DAY,
    Bar,
    day_window,
    days_window,
    hidden_by_day,
    next_month,
    place_days,
    place_stripes,
    rows_of_cells,
    weeks_of_month,
)
from gridkeeper.registry.models import Downtime, DowntimeService, Site
from gridkeeper.registry.queries import with_services

VIEWS = ("month", "week", "timeline")
#: Bars over each other that a week of the month view has room for; further ones are counted, and shown by the week.
MONTH_LANES = 6
#: Downtimes of one page at most; beyond, the page asks to narrow.
MOST = 1500
TIMELINE_DAYS = 14
TIMELINE_SITES = 100
_WIDTH, _LANE_HEIGHT = 1000, 16


@dataclass(frozen=True, slots=True)
class Item:
    """A downtime as the calendar names it."""

    downtime: Downtime
    window: Window
    label: str
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a lane: a bar with its item, or (item None) empty columns."""

    span: int
    item: Item | None = None
    is_cut_before: bool = False
    is_cut_after: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a row. hidden: bars that there was no room for."""

    day: date
    is_today: bool
    is_outside: bool
    hours: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Row:
    """A week: its days, and the lanes below them."""

    days: Sequence[Day]
    lanes: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Line:
    """A site of the timeline: its stripes as x, y, width, item in a box of _WIDTH x height."""

    site: Site
    stripes: Sequence[tuple[float, int, float, Item]]
    height: int


@dataclass(frozen=True, slots=True)
class Period:
    """What one page shows, and where paging leads. before and after: the `date` of the neighbours."""

    view: str
    first: date
    days: int
    title: str
    before: date
    after: date


def period_of(view: str, day: date) -> Period:
    """The month, the week from Monday, or the two weeks from the day."""
    if view == "month":
        first = day.replace(day=1)
        weeks = weeks_of_month(first)
        return Period(view, weeks[0], 7 * len(weeks), f"{first:%B %Y}", (first - DAY).replace(day=1), next_month(first))
    if view == "week":
        monday = day - day.weekday() * DAY
        title = f"Week {monday.isocalendar().week}, {monday:%d %B} to {monday + 6 * DAY:%d %B %Y}"
        return Period(view, monday, 7, title, monday - 7 * DAY, monday + 7 * DAY)
    title = f"{day:%d %B} to {day + (TIMELINE_DAYS - 1) * DAY:%d %B %Y}"
    step = TIMELINE_DAYS * DAY
    return Period(view, day, TIMELINE_DAYS, title, day - step, day + step)


def items_of(chosen: CalendarFilter, window: Window) -> list[Item]:
    """The downtimes that share an instant with the window, by start; MOST + 1 where there are more than MOST."""
    rows = chosen.rows().filter(start__lt=window.end, end__gt=window.start)
    if not chosen.with_cancelled:
        rows = rows.filter(cancelled_at=None)
    return [_item(row) for row in with_services(rows).order_by("start", "pk")[: MOST + 1]]


def _item(downtime: Downtime) -> Item:
    sites = sorted({service.site.name for service in downtime.services.all()})
    label = sites[0] if len(sites) == 1 else f"{len(sites)} sites"
    words = [downtime.get_severity_display(), downtime.classification.lower()]
    if downtime.cancelled_at:
        words.insert(0, "Cancelled:")
    span = f"{downtime.start:%Y-%m-%d %H:%M} to {downtime.end:%Y-%m-%d %H:%M} UTC"
    title = (
        f"{' '.join(words)}, {', '.join(sites[:8])}{', …' if len(sites) > 8 else ''}, {span}: {downtime.description}"
    )
    tone = "is-cancelled" if downtime.cancelled_at else "is-outage" if downtime.severity == "OUTAGE" else "is-warning"
    if downtime.classification == "UNSCHEDULED":
        tone += " is-unscheduled"
    return Item(downtime, Window(downtime.start, downtime.end), label, title[:600], tone)


def weeks(items: Sequence[Item], period: Period, month: date, today: date, zone: ZoneInfo) -> list[Row]:
    """The rows of the month or week view."""
    windows = [item.window for item in items]
    found = []
    for start in range(0, period.days, 7):
        first = period.first + start * DAY
        bars = place_days(windows, first, 7, zone)
        lanes = MONTH_LANES if period.view == "month" else len(bars)
        hidden = hidden_by_day(bars, 7, lanes)
        days = [
            Day(
                day, day == today, period.view == "month" and day.month != month.month,
                round(day_window(day, zone).duration / timedelta(hours=1)), hidden[number],
            )
            for number, day in enumerate(first + n * DAY for n in range(7))
        ]  # fmt: skip
        cells = [[_cell(each, items) for each in row] for row in rows_of_cells(bars, 7, lanes)]
        found.append(Row(days, cells))
    return found


def _cell(place: Bar | int, items: Sequence[Item]) -> Cell:
    if isinstance(place, int):
        return Cell(place)
    return Cell(place.span, items[place.number], place.is_cut_before, place.is_cut_after)


def timeline(items: Sequence[Item], period: Period, chosen: CalendarFilter, zone: ZoneInfo) -> list[Line]:
    """A line for each site that is touched, by region and name; each service counts until it is back."""
    whole = days_window(period.first, period.days, zone)
    by_pk = {item.downtime.pk: item for item in items}
    parts = DowntimeService.objects.filter(chosen.part_condition(), downtime__in=by_pk)
    ends: dict[tuple[int, int], list[datetime]] = {}
    rows = parts.values_list("downtime", "service__site", "end", "downtime__end")
    for downtime, site, own, end in rows:
        ends.setdefault((site, downtime), []).append(own or end)
    sites = Site.objects.filter(pk__in={site for site, _ in ends}).select_related("ngi").order_by("ngi__name", "name")
    return [_line(site, by_pk, ends, whole) for site in sites]


def _line(site: Site, items: dict[int, Item], ends: dict[tuple[int, int], list[datetime]], whole: Window) -> Line:
    mine = [(items[downtime], max(last)) for (pk, downtime), last in ends.items() if pk == site.pk]
    windows = [Window(item.window.start, max(item.window.start, end)) for item, end in mine]
    stripes = place_stripes(windows, whole)
    lanes = 1 + max((stripe.lane for stripe in stripes), default=0)
    drawn = [
        (
            round(stripe.begin * _WIDTH, 1), stripe.lane * _LANE_HEIGHT + 2,
            max(4.0, round((stripe.end - stripe.begin) * _WIDTH, 1)), mine[stripe.number][0],
        )
        for stripe in stripes
    ]  # fmt: skip
    return Line(site, drawn, lanes * _LANE_HEIGHT + 2)


def day_ticks(period: Period, zone: ZoneInfo) -> list[tuple[float, date]]:
    """Where the days of a timeline begin, in its box: not evenly where clocks change."""
    whole = days_window(period.first, period.days, zone)
    days = [period.first + n * DAY for n in range(period.days)]
    return [(round((day_window(day, zone).start - whole.start) / whole.duration * _WIDTH, 1), day) for day in days]


def context_of(period: Period, chosen: CalendarFilter, day: date, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """What the page shows of the period."""
    items = items_of(chosen, days_window(period.first, period.days, zone))
    today = now.astimezone(zone).date()
    context: dict[str, Any] = {"period": period, "items": items[:MOST], "is_too_many": len(items) > MOST}
    if period.view == "timeline":
        lines = timeline(items[:MOST], period, chosen, zone)
        whole = days_window(period.first, period.days, zone)
        at = (now - whole.start) / whole.duration * _WIDTH if now in whole else None
        context |= {
            "lines": lines[:TIMELINE_SITES], "further_sites": max(0, len(lines) - TIMELINE_SITES),
            "ticks": day_ticks(period, zone), "now_x": None if at is None else round(at, 1), "width": _WIDTH,
        }  # fmt: skip
    else:
        context["rows"] = weeks(items[:MOST], period, day, today, zone)
    return context
