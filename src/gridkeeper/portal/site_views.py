"""A site ("how is my site doing?") and a service: what is now, since when, why, and the days before."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from gridkeeper.availability import queries as availability
from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.portal.site_causes import Because, because_of
from gridkeeper.portal.strips import strips_of
from gridkeeper.probes.models import LatestStatus, Test
from gridkeeper.registry.models import Service, Site
from gridkeeper.registry.queries import downtimes_at, downtimes_next
from gridkeeper.registry.views import SITE_TABS, site_tab_context
from gridkeeper.selection.judge import answer
from gridkeeper.selection.rules import Verdict
from gridkeeper.vos.models import Vo, VoSupport
from gridkeeper.web.moments import as_of_of, moment_of, travels

_DAY = timedelta(days=1)
_MONTH_DAYS = 30
#: Statuses that a site administrator looks at first.
_BAD_FIRST = {
    status: place
    for place, status in enumerate(
        (Status.CRITICAL, Status.UNKNOWN, Status.MISSING, Status.WARNING, Status.DOWNTIME, Status.OK, Status.EXCLUDED)
    )
}


@dataclass(slots=True)
class ServiceNow:
    """A service with its newest statuses, worst first, and the VOs it supports."""

    service: Service
    rows: list[LatestStatus] = field(default_factory=list)
    vos: list[str] = field(default_factory=list)
    strips: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    because: dict[int, Because] = field(default_factory=dict)

    @property
    def worst(self) -> Status:
        """MISSING where nothing was ever seen."""
        return Status(self.rows[0].hard_status) if self.rows else Status.MISSING

    @property
    def causes(self) -> list[LatestStatus]:
        """What fails and was run, roots of failures before what follows from something else."""
        rows = [row for row in self.failing if not row.cause]
        return sorted(rows, key=lambda row: self.is_consequence(row.series))

    def is_consequence(self, series: int) -> bool:
        because = self.because.get(series)
        return because is not None and because.cause is not None

    @property
    def follows(self) -> int:
        """How many failures follow from what fails here and is a root."""
        return sum(because.follows for because in self.because.values() if because.cause is None)

    @property
    def told(self) -> list[tuple[LatestStatus, Because | None]]:
        """What fails and was run, each with what is known of why."""
        return [(row, self.because.get(row.series)) for row in self.causes]

    @property
    def consequences(self) -> list[tuple[str, list[LatestStatus]]]:
        """The failed test -> the tests without a result because of it."""
        found: dict[str, list[LatestStatus]] = defaultdict(list)
        for row in self.failing:
            if row.cause:
                found[row.cause].append(row)
        return list(found.items())

    @property
    def failing(self) -> list[LatestStatus]:
        return [row for row in self.rows if row.hard_status != Status.OK]


def services_now(services: Sequence[Service], past: datetime | None = None) -> list[ServiceNow]:
    """The services with what is known of them now, by two queries for all; or what was at an instant of the past."""
    found = {(service.hostname, service.service_type.name): ServiceNow(service) for service in services}
    hosts = {service.hostname for service in services}
    newest = list(LatestStatus.objects.filter(hostname__in=hosts))
    for row in newest if past is None else _as_seen_at(newest, past):
        if (row.hostname, row.service_type) in found:
            found[row.hostname, row.service_type].rows.append(row)
    for item in found.values():
        item.rows.sort(key=lambda row: (_BAD_FIRST[Status(row.hard_status)], bool(row.cause), row.metric, row.vo))
    support = VoSupport.objects.current().filter(service__in=[service.pk for service in services])
    vos: dict[int, list[str]] = defaultdict(list)
    for service_id, vo in support.values_list("service_id", "vo__name").order_by("vo__name"):
        vos[service_id].append(vo)
    for item in found.values():
        item.vos = vos[item.service.pk]
    return sorted(found.values(), key=lambda item: (_BAD_FIRST[item.worst], item.service.service_type.name))


def _as_seen_at(newest: Sequence[LatestStatus], moment: datetime) -> list[LatestStatus]:
    """The same series with their newest hard result at that instant; since when it was so is not looked up."""
    then = open_facts().status_at([row.series for row in newest], moment)
    rows = [row for row in newest if row.series in then]
    for row in rows:
        row.hard_status, row.executed_at = then[row.series]
        row.summary, row.cause = "", ""
        row.hard_since = None  # type: ignore[assignment]  # never saved; pages say "not looked up"
    return rows


def _verdicts(site: Site, now: datetime) -> list[tuple[str, Verdict | None]]:
    """What each VO that some service of the site supports says of it."""
    vos = Vo.objects.current().filter(support__service__site=site, support__valid_until=None).distinct()
    found = []
    for vo in vos.order_by("name"):
        verdicts = answer(vo.name, now).verdicts
        found.append((vo.name, next((item for item in verdicts if item.site.key == site.key), None)))
    return found


@require_safe
@travels
def site(request: HttpRequest, key: str) -> HttpResponse:
    """The tab "Now"."""
    subject = get_object_or_404(Site.objects.select_related("ngi__federation"), key=key)
    now = moment_of(request)
    services = Service.objects.current().filter(site=subject).select_related("service_type", "site")
    items = services_now(list(services), as_of_of(request))
    _add_causes(items, as_of_of(request))
    _add_strips(items, now)
    context = _header(request, subject, now) | {
        "items": items,
        "verdicts": _verdicts(subject, now),
        "coming": [d for d in downtimes_next(now, until=now + 14 * _DAY) if _touches(d, subject)],
        "month": _month(subject, now),
        "tab": "now",
    }
    return render(request, "portal/site.html", context)


@require_safe
@travels
def site_tab(request: HttpRequest, key: str, tab: str) -> HttpResponse:
    """The other tabs: what the registry shows of the site, inside the site's page."""
    subject = get_object_or_404(Site.objects.select_related("ngi__federation"), key=key)
    now = moment_of(request)
    context = _header(request, subject, now) | site_tab_context(subject, tab, Actor.of(request), now) | {"tab": tab}
    return render(request, "portal/site_tab.html", context)


def _header(request: HttpRequest, subject: Site, now: datetime) -> dict[str, Any]:
    actor = Actor.of(request)
    return {
        "site": subject,
        "tabs": SITE_TABS,
        "running": downtimes_at(now, site=subject),
        "may_declare": is_permitted(actor, "registry.declare_downtime", subject),
        "may_edit": is_permitted(actor, "registry.edit_site", subject),
        "now": now,
    }


def _touches(downtime: Any, subject: Site) -> bool:
    return any(service.site_id == subject.pk for service in downtime.services.all())


def _add_causes(items: list[ServiceNow], past: datetime | None) -> None:
    known = because_of([row for item in items for row in item.rows], past)
    for item in items:
        item.because = {row.series: known[row.series] for row in item.rows if row.series in known}
    items.sort(key=lambda item: -item.follows)  # what to mend first stands first


def _add_strips(items: Sequence[ServiceNow], now: datetime) -> None:
    """Strips of the failing series only: they are what the reader came for, and few."""
    failing = {row.series: row for item in items for row in item.causes if not item.is_consequence(row.series)}
    if not failing:
        return
    names = {row.metric for row in failing.values()}
    validity = dict(Test.objects.filter(name__in=names).values_list("name", "validity_s"))
    validities = {series: validity.get(row.metric, 86_400) for series, row in failing.items()}
    strips = strips_of(open_facts(), validities, Window(now - _DAY, now))
    for item in items:
        item.strips = {row.series: strips[row.series] for row in item.rows if row.series in strips}


def _month(subject: Site, now: datetime) -> dict[str, Any]:
    """Thirty days of availability: the figures, their sum, and a chart."""
    end = Window.of_day(now.date()).end
    found = availability.figures(Window(end - _MONTH_DAYS * _DAY, end), level="site", site=subject.key)
    total = next(iter(availability.sums(found).values()), None)
    return {"days": found, "total": total, "chart": _month_chart(found) if found else None}


def _month_chart(found: Sequence[availability.Figure]) -> dict[str, Any]:
    values = [figure.seconds.availability.percent for figure in found]
    return {
        "grid": {"left": 44, "right": 48, "top": 12, "bottom": 24},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [figure.day.isoformat()[5:] for figure in found]},
        "yAxis": {"type": "value", "min": 0, "max": 100},
        "series": [
            {
                "type": "bar", "name": "availability, %", "itemStyle": {"color": "var(--gk-accent)"},
                "data": [None if value is None else float(value) for value in values],
                "markLine": {
                    "symbol": "none",
                    "data": [{"yAxis": 80}],
                    "label": {"formatter": "80 %", "position": "end"},
                },
            }
        ],
    }  # fmt: skip


@require_safe
@travels
def service(request: HttpRequest, key: str) -> HttpResponse:
    """A service: its tests for every VO, its downtimes, its addresses."""
    found = Service.objects.select_related("site__ngi", "service_type").filter(key=key)
    subject = get_object_or_404(found)
    now = moment_of(request)
    item = services_now([subject], as_of_of(request))[0]
    _add_causes([item], as_of_of(request))
    _add_strips([item], now)
    actor = Actor.of(request)
    titles = dict(Test.objects.filter(Q(name__in=[row.metric for row in item.rows])).values_list("name", "title"))
    context = {
        "service": subject,
        "item": item,
        "titles": titles,
        "lines": [(row, item.because.get(row.series)) for row in item.rows],
        "endpoints": subject.endpoints.filter(valid_until=None),
        "running": downtimes_at(now, service=subject),
        "may_edit": is_permitted(actor, "registry.edit_service", subject),
        "may_declare": is_permitted(actor, "registry.declare_downtime", subject.site),
    }
    return render(request, "portal/service.html", context)
