"""What pages show of downtimes beside the rows themselves: chains, parts, what runs and what comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from gridkeeper.registry.downtime_rows import state_at
from gridkeeper.registry.models import Downtime, DowntimeEndpoint, DowntimeService, Site
from gridkeeper.registry.queries import with_services
from gridkeeper.registry.rules import DowntimeState

#: How far ahead "next" looks on the page of what is down now and next.
COMING = timedelta(days=14)
#: Members of a chain that are shown at most; longer ones end in "and more".
_LONGEST = 50


@dataclass(frozen=True, slots=True)
class Link:
    """One downtime of a chain. how: "" of the first, else "extension" or "phase" of the one that it follows."""

    downtime: Downtime
    how: str
    state: DowntimeState
    is_here: bool


def chain_of(downtime: Downtime, now: datetime) -> list[Link]:
    """The downtimes that continue each other, by start; the one alone where there are no others."""
    first = downtime
    for _ in range(_LONGEST):
        if first.follows_id is None:
            break
        first = Downtime.objects.get(pk=first.follows_id)
    found, last = [first], [first]
    while last and len(found) < _LONGEST:
        last = list(Downtime.objects.filter(follows__in=last).order_by("start", "pk"))
        found += last
    found.sort(key=lambda each: (each.start, each.pk))
    return [Link(each, each.follow_kind, state_at(each, now), each.pk == downtime.pk) for each in found]


def parts_by_site(downtime: Downtime) -> list[tuple[Site, list[DowntimeService]]]:
    """What it affects, by site, with types and endpoints: three queries."""
    touched = DowntimeEndpoint.objects.select_related("endpoint")
    parts = (
        DowntimeService.objects.filter(downtime=downtime)
        .select_related("service__service_type", "service__site__ngi")
        .prefetch_related(Prefetch("endpoints", touched))
        .order_by("service__site__name", "service__service_type__name", "service__hostname")
    )
    found: dict[Site, list[DowntimeService]] = {}
    for part in parts:
        found.setdefault(part.service.site, []).append(part)
    return list(found.items())


def running(now: datetime, downtimes: "QuerySet[Downtime]") -> "QuerySet[Downtime]":
    """Of these, what runs at the instant; what ends first stands first."""
    rows = downtimes.filter(cancelled_at=None, start__lte=now, end__gt=now)
    return with_services(rows).order_by("end", "pk")


def coming(now: datetime, downtimes: "QuerySet[Downtime]") -> "QuerySet[Downtime]":
    """Of these, what starts within COMING, by start; cancelled ones too, for others have planned by them."""
    return with_services(downtimes.filter(start__gt=now, start__lt=now + COMING)).order_by("start", "pk")


def sites_in(downtimes: Sequence[Downtime]) -> int:
    """How many sites they touch; their services must be fetched along."""
    return len({service.site_id for downtime in downtimes for service in downtime.services.all()})
