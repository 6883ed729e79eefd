"""The calendar page. Its whole state is in the address: view, date, filters."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.registry.calendar import VIEWS, context_of, period_of
from gridkeeper.registry.calendar_filter import CalendarFilter
from gridkeeper.registry.permissions import sites_where
from gridkeeper.web.moments import moment_of

#: Years that the calendar goes back and ahead; further dates are taken for typing errors.
_YEARS = timedelta(days=40 * 366)


def calendar(request: HttpRequest) -> HttpResponse:
    """Month, week or timeline, in the reader's zone."""
    now = moment_of(request)
    zone = ZoneInfo(timezone.get_current_timezone_name())
    today = now.astimezone(zone).date()
    view = request.GET.get("view", "month")
    view = view if view in VIEWS else "month"
    day = _day(request.GET.get("date", ""), today)
    chosen, period = CalendarFilter(request.GET, now), period_of(view, day)
    context = context_of(period, chosen, day, now, zone) | {
        "filter": chosen, "view": view, "day": day, "zone": zone.key,
        "views": [(name, chosen.query(view=name, date=day.isoformat())) for name in VIEWS],
        "before_query": chosen.query(view=view, date=period.before.isoformat()),
        "after_query": chosen.query(view=view, date=period.after.isoformat()),
        "today_query": chosen.query(view=view), "clear_url": f"?view={view}&date={day.isoformat()}",
        "may_declare": sites_where(Actor.of(request), "declare_downtime").exists(),
    }  # fmt: skip
    return render(request, "registry/calendar.html", context)


def _day(text: str, today: date) -> date:
    """The date of the address (2026-03-10, or 2026-03); today where it is none, or lies out of reach."""
    try:
        day = date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        return today
    return day if abs(day - today) < _YEARS else today
