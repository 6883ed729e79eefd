"""Pages that show downtimes: one with its chain, a recurrence, and what is down now and next."""

from datetime import datetime

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.registry.calendar_filter import CalendarFilter
from gridkeeper.registry.downtime_preview import Stretch
from gridkeeper.registry.downtime_queries import COMING, chain_of, coming, parts_by_site, running, sites_in
from gridkeeper.registry.downtime_rows import standing_of, state_at
from gridkeeper.registry.downtime_rules import is_frozen
from gridkeeper.registry.models import (
    Classification,
    Downtime,
    DowntimeEndpoint,
    DowntimeRecurrence,
    DowntimeService,
)
from gridkeeper.registry.queries import with_services
from gridkeeper.registry.recurrences import may_end_recurrence
from gridkeeper.registry.rules import DowntimeState
from gridkeeper.registry.trail import trail_of
from gridkeeper.web.moments import as_of_of, moment_of


def downtime(request: HttpRequest, key: str) -> HttpResponse:
    """A downtime: what it touches, why, what continues it, where it stands, what may be done about it."""
    now, actor = moment_of(request), Actor.of(request)
    subject = get_object_or_404(Downtime.objects.select_related("declared_by", "recurrence", "follows"), key=key)
    state, window = state_at(subject, now), Window(subject.start, subject.end)
    stretch = Stretch(window, subject.severity, Classification(subject.classification), "")
    chain = chain_of(subject, now)
    sources = [
        (Downtime, Q(id=subject.pk)),
        (DowntimeService, Q(downtime=subject.pk) & ~Q(history_type="+")),
        (DowntimeEndpoint, Q(affected__in=subject.affected.values("pk")) & ~Q(history_type="+")),
    ]
    context = {
        "downtime": subject, "state": state.value, "by_site": parts_by_site(subject), "duration": window.seconds,
        "chain": chain if len(chain) > 1 else [], "trail": trail_of(sources, actor),
        "availability": stretch.availability, "steps": _steps(subject, actor, state, now),
    }  # fmt: skip
    return render(request, "registry/downtime.html", context)


def _steps(subject: Downtime, actor: Actor, state: DowntimeState, now: datetime) -> list[tuple[str, str, bool]]:
    """Buttons: label, name of the page, whether it takes something away; only what the rules allow now."""
    if state in (DowntimeState.PAST, DowntimeState.CANCELLED):
        return []
    if not is_permitted(actor, "registry.change_downtime", subject):
        return []
    standing = standing_of(subject)
    frozen = is_frozen(standing, now)
    found = [] if frozen else [("Edit", "downtime_edit", False)]
    if not standing.plan.services <= standing.continued:
        found.append(("Extend", "downtime_extend", False))
        if state is DowntimeState.NOW or not frozen:
            found.append(("End part of it", "downtime_end_part", False))
    found.append(("Change the severity", "downtime_severity", False))
    if state is DowntimeState.NOW:
        return [*found, ("End it now", "downtime_end", True)]
    return [*found, ("Cancel it", "downtime_cancel", True)]


def recurrence(request: HttpRequest, key: str) -> HttpResponse:
    """A rule of downtimes, and those that it has made."""
    actor = Actor.of(request)
    subject = get_object_or_404(DowntimeRecurrence.objects.select_related("declared_by"), key=key)
    made = with_services(Downtime.objects.filter(recurrence=subject)).order_by("-start", "pk")
    now = moment_of(request)
    context = {
        "recurrence": subject, "rows": [(each, state_at(each, now).value) for each in made[:100]],
        "services": subject.services.select_related("service_type", "site").order_by("site__name", "hostname"),
        "may_end": subject.ended_at is None and _may_end(actor, subject),
        "trail": trail_of([(DowntimeRecurrence, Q(id=subject.pk))], actor),
    }  # fmt: skip
    return render(request, "registry/downtime_recurrence.html", context)


def _may_end(actor: Actor, subject: DowntimeRecurrence) -> bool:
    if actor.user is None:
        return False
    try:
        may_end_recurrence(actor, subject)
    except NotPermittedError:
        return False
    return True


def now_and_next(request: HttpRequest) -> HttpResponse:
    """What is down at this moment, and what will be; the same filters as the calendar."""
    now = moment_of(request)
    chosen = CalendarFilter(request.GET, now)
    rows = chosen.rows()
    down, next_ones = list(running(now, rows)), list(coming(now, rows))
    context = {
        "down": [(each, each.services_at(now)) for each in down], "next": next_ones, "down_sites": sites_in(down),
        "filter": chosen, "until": now + COMING, "moment": now, "is_live": as_of_of(request) is None,
        "next_count": sum(each.cancelled_at is None for each in next_ones),
    }  # fmt: skip
    return render(request, "registry/downtime_now.html", context)
