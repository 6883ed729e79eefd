"""What stands in the registry, at an instant or in a window, for pages and for the floors above."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import (
    Certification,
    CertificationChange,
    Downtime,
    DowntimeService,
    Federation,
    Ngi,
    RoleGrant,
    Service,
    ServiceType,
    Severity,
    Site,
)
from gridkeeper.registry.rules import DowntimeState


@dataclass(frozen=True, slots=True)
class Counts:
    """How much stands in the registry at an instant."""

    regions: int
    sites: int
    certified_sites: int
    services: int
    downtimes_now: int


def counts(moment: datetime) -> Counts:
    """Four queries."""
    sites = Site.objects.at(moment).aggregate(
        all=Count("pk"), certified=Count("pk", filter=Q(certification=Certification.CERTIFIED))
    )
    return Counts(
        regions=Ngi.objects.at(moment).count(),
        sites=sites["all"],
        certified_sites=sites["certified"],
        services=Service.objects.at(moment).exclude(site__certification=Certification.CLOSED).count(),
        downtimes_now=downtimes_at(moment).count(),
    )


def sites_with_certification_at(moment: datetime) -> "QuerySet[Any]":
    """The sites valid at the instant, each with `certification_then`.

    It is what the first later change says it was before; without a later change it is what stands now. Where an import
    knew no earlier value the present one is taken.
    """
    later = CertificationChange.objects.filter(site=OuterRef("pk"), changed_at__gt=moment).order_by("changed_at")
    was = Subquery(later.values("old")[:1])
    known = Case(When(Q(was_before__isnull=True) | Q(was_before=""), then=F("certification")), default=F("was_before"))
    return Site.objects.at(moment).annotate(was_before=was).annotate(certification_then=known)


def services_at(
    moment: datetime, *, only_certified: bool = True, only_production: bool = True, only_monitored: bool = False
) -> "QuerySet[Service]":
    """The services valid at the instant, with type, site and region.

    Certification is that of the instant; production and monitoring are today's, for their history lies in the audit
    records only. Services of closed sites are never among them.
    """
    wanted = sites_with_certification_at(moment).exclude(certification_then=Certification.CLOSED)
    if only_certified:
        wanted = wanted.filter(certification_then=Certification.CERTIFIED)
    services = Service.objects.at(moment).filter(site__in=wanted.values("pk"))
    if only_production:
        services = services.filter(in_production=True)
    if only_monitored:
        services = services.filter(is_monitored=True)
    return services.select_related("service_type", "site__ngi__federation")


def with_services(downtimes: "QuerySet[Downtime]") -> "QuerySet[Downtime]":
    """The downtimes with their services, types, sites and regions fetched along: two more queries."""
    services = Service.objects.select_related("service_type", "site__ngi")
    affected = DowntimeService.objects.select_related("service__service_type", "service__site__ngi")
    return downtimes.prefetch_related(Prefetch("services", services), Prefetch("affected", affected))


def _affected_at(moment: datetime) -> Q:
    """Of rows of DowntimeService: whose service is not back yet at the instant (`DowntimeService.end`)."""
    return Q(end=None) | Q(end__gt=moment)


def downtimes_between(start: datetime, end: datetime) -> "QuerySet[Downtime]":
    """The downtimes that overlap `[start, end)` and were not cancelled, by start, with their services and sites."""
    kept = Downtime.objects.filter(cancelled_at=None, start__lt=end, end__gt=start)
    return with_services(kept).order_by("start", "pk")


def downtimes_at(
    moment: datetime, *, site: Site | None = None, service: Service | None = None, severity: str | None = None
) -> "QuerySet[Downtime]":
    """The downtimes that run at the instant (`start <= moment < end`), with their services and sites."""
    running = Downtime.objects.filter(cancelled_at=None, start__lte=moment, end__gt=moment)
    touched = DowntimeService.objects.filter(_affected_at(moment))
    if site is not None:
        running = running.filter(pk__in=touched.filter(service__site=site).values("downtime"))
    if service is not None:
        running = running.filter(pk__in=touched.filter(service=service).values("downtime"))
    if severity is not None:
        running = running.filter(severity=severity)
    return with_services(running).order_by("start", "pk")


def downtimes_next(moment: datetime, *, until: datetime) -> "QuerySet[Downtime]":
    """The downtimes that start in `(moment, until)`, by start, with their services and sites."""
    coming = Downtime.objects.filter(cancelled_at=None, start__gt=moment, start__lt=until)
    return with_services(coming).order_by("start", "pk")


def services_in_downtime(
    moment: datetime, *, severity: str | None = Severity.OUTAGE, services: Iterable[Service] | None = None
) -> dict[int, Downtime]:
    """Service id -> the downtime that it is in at the instant, the one that ends last where there are several.

    severity: None for both; two queries, whatever the number of services
    """
    running = downtimes_at(moment, severity=severity).order_by("end", "pk")
    wanted = None if services is None else {service.pk for service in services}
    return {
        service.pk: downtime
        for downtime in running
        for service in downtime.services_at(moment)
        if wanted is None or service.pk in wanted
    }


def site_in_downtime(site: Site, moment: datetime) -> Downtime | None:
    """The outage that covers every current service of the site at the instant, or None.

    Services may lie in different outages; the one that ends first is given, for then the site is partly back.
    """
    services = list(Service.objects.at(moment).filter(site=site, in_production=True))
    found = services_in_downtime(moment, services=services)
    if not services or len(found) < len(services):
        return None
    return min(found.values(), key=lambda downtime: downtime.end)


def sites_in_downtime(moment: datetime) -> dict[int, list[Downtime]]:
    """Site id -> the outages that touch any of its services at the instant: two queries."""
    found: dict[int, list[Downtime]] = {}
    for downtime in downtimes_at(moment, severity=Severity.OUTAGE):
        for site_id in {service.site_id for service in downtime.services_at(moment)}:
            found.setdefault(site_id, []).append(downtime)
    return found


def outage_windows(services: Iterable[Service], window: Window) -> dict[int, list[Window]]:
    """Service id -> the parts of the window in which it was in an outage, scheduled or not, as declared."""
    wanted = {service.pk for service in services}
    found: dict[int, list[Window]] = {}
    for downtime in downtimes_between(window.start, window.end).filter(severity=Severity.OUTAGE):
        for affected in downtime.affected.all():
            ends_at = downtime.end if affected.end is None else affected.end
            part = Window(downtime.start, max(downtime.start, ends_at)).intersection(window)
            if part and affected.service_id in wanted:
                found.setdefault(affected.service_id, []).append(part)
    return found


def with_state(downtimes: "QuerySet[Downtime]", now: datetime) -> "QuerySet[Downtime]":
    """The downtimes, each with `state`, a word of rules.DowntimeState, as it is at that instant."""
    return downtimes.annotate(
        state=Case(
            When(cancelled_at__isnull=False, then=Value(DowntimeState.CANCELLED.value)),
            When(start__gt=now, then=Value(DowntimeState.NEXT.value)),
            When(end__gt=now, then=Value(DowntimeState.NOW.value)),
            default=Value(DowntimeState.PAST.value),
            output_field=CharField(),
        )
    )


def count_of(rows: "QuerySet[Any]", path: str, *, of: str = "pk") -> Coalesce:
    """The number of rows whose `path` is the outer row: a subquery, so that several counts do not multiply.

    of: what is counted, each once: the rows themselves, or what they lead to ("service__site")
    """
    counted = rows.order_by().filter(**{path: OuterRef("pk")}).values(path).annotate(n=Count(of, distinct=True))
    return Coalesce(Subquery(counted.values("n")), 0)


def services_in_use() -> "QuerySet[Service]":
    """The current services of sites that are not closed: what every feed and list shows."""
    return Service.objects.current().filter(site__valid_until=None).exclude(site__certification=Certification.CLOSED)


def _running(now: datetime) -> "QuerySet[DowntimeService]":
    """What is affected by a downtime at the instant."""
    return DowntimeService.objects.filter(
        _affected_at(now), downtime__cancelled_at=None, downtime__start__lte=now, downtime__end__gt=now
    )


def with_counts(sites: "QuerySet[Site]", now: datetime) -> "QuerySet[Site]":
    """The sites, each with `service_count` and `downtime_count` (downtimes that run now)."""
    return sites.annotate(
        service_count=count_of(Service.objects.current(), "site"),
        downtime_count=count_of(_running(now), "service__site", of="downtime"),
    ).select_related("ngi")


def with_service_count(types: "QuerySet[ServiceType]") -> "QuerySet[ServiceType]":
    """The service types, each with `service_count`."""
    return types.annotate(service_count=count_of(services_in_use(), "service_type"))


def ngis_with_counts(ngis: "QuerySet[Ngi]", now: datetime) -> "QuerySet[Ngi]":
    """The regions, each with `site_count`, `certified_count`, `service_count` and `downtime_count`."""
    sites = Site.objects.current().exclude(certification=Certification.CLOSED)
    return ngis.annotate(
        site_count=count_of(sites, "ngi"),
        certified_count=count_of(sites.filter(certification=Certification.CERTIFIED), "ngi"),
        service_count=count_of(services_in_use(), "site__ngi"),
        downtime_count=count_of(_running(now), "service__site__ngi", of="downtime"),
    )


def the_federation() -> Federation | None:
    """The federation whose portal this is; None before anything was registered or imported."""
    return Federation.objects.current().order_by("pk").first()


def people_with_roles(subject: Federation | Ngi | Site) -> "QuerySet[RoleGrant]":
    """The roles held on that federation, region or site, by role and person."""
    return subject.rolegrants.select_related("user").order_by("role", "user__username")
