"""Sites with where they lie and how they are, for maps: GeoJSON, KML, and the map page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gridkeeper.core.status import Status, combine_and, combine_or
from gridkeeper.feeds.filters import Choice, sites_in_feed
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Certification, Downtime, DowntimeService, Service, Severity, Site
from gridkeeper.vos.models import VoSupport

_WORST_FIRST = (
    Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.DOWNTIME, Status.MISSING, Status.OK, Status.EXCLUDED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A site.

    status: of all of its monitored services; EXCLUDED where the site is not certified, MISSING without any result
    statuses: VO -> the same, of the services that support it, by the tests that count for it
    downtimes: those that run now, with the time at which the site's last service is back
    """

    site: Site
    status: Status
    statuses: Mapping[str, Status] = field(default_factory=dict)
    downtimes: Sequence[tuple[Downtime, datetime]] = ()
    service_count: int = 0

    @property
    def has_position(self) -> bool:
        """Whether a map can show it."""
        return self.site.latitude is not None and self.site.longitude is not None


def places(choice: Choice, moment: datetime, *, with_results: bool = True) -> list[Place]:
    """The sites of the choice at the instant, by name: six queries, whatever their number.

    with_results: False in the past, of which the newest results say nothing; then downtimes and certification speak
    """
    sites = list(sites_in_feed(choice, moment))
    services = _services([site.pk for site in sites], choice, moment)
    running = _running(services, moment)
    vos = _vos(services, choice, moment)
    results = _results(services) if with_results else {}
    return [
        _place(site, [each for each in services if each.site_id == site.pk], running, vos, results)
        for site, services in ((site, services.get(site.pk, [])) for site in sites)
    ]


def _services(sites: Sequence[int], choice: Choice, moment: datetime) -> dict[int, list[Service]]:
    """Site id -> its services at the instant, of the types asked for."""
    rows = Service.objects.at(moment).filter(site__in=sites).select_related("service_type")
    if choice.service_types:
        rows = rows.filter(service_type__name__in=choice.service_types)
    found: dict[int, list[Service]] = defaultdict(list)
    for row in rows:
        found[row.site_id].append(row)
    return found


def _running(services: Mapping[int, Sequence[Service]], moment: datetime) -> dict[int, list[DowntimeService]]:
    """Service id -> what downs it at the instant."""
    wanted = {service.pk for each in services.values() for service in each}
    rows = DowntimeService.objects.filter(
        downtime__cancelled_at=None, downtime__start__lte=moment, downtime__end__gt=moment
    ).select_related("downtime")
    found: dict[int, list[DowntimeService]] = defaultdict(list)
    for row in rows.order_by("downtime__start", "pk"):
        if row.service_id in wanted and row.ends_at > moment:
            found[row.service_id].append(row)
    return found


def _vos(services: Mapping[int, Sequence[Service]], choice: Choice, moment: datetime) -> dict[int, set[str]]:
    """Service id -> the VOs that it serves, of those asked for."""
    wanted = {service.pk for each in services.values() for service in each}
    rows = VoSupport.objects.at(moment)
    if choice.vos:
        rows = rows.filter(vo__name__in=choice.vos)
    found: dict[int, set[str]] = defaultdict(set)
    for service, vo in rows.values_list("service_id", "vo__name"):
        if service in wanted:
            found[service].add(vo)
    return found


#: Host and type -> VO ("" for tests that are the same for every VO) -> statuses that are causes, not consequences.
_Results = Mapping[tuple[str, str], Mapping[str, Sequence[Status]]]


def _results(services: Mapping[int, Sequence[Service]]) -> _Results:
    wanted = {(each.hostname, each.service_type.name) for some in services.values() for each in some}
    found: dict[tuple[str, str], dict[str, list[Status]]] = defaultdict(lambda: defaultdict(list))
    rows = LatestStatus.objects.filter(cause="").values_list("hostname", "service_type", "vo", "hard_status")
    for hostname, service_type, vo, status in rows:
        if (hostname, service_type) in wanted:
            found[hostname, service_type][vo].append(Status(status))
    return found


def _place(
    site: Site,
    services: Sequence[Service],
    running: Mapping[int, Sequence[DowntimeService]],
    vos: Mapping[int, set[str]],
    results: _Results,
) -> Place:
    down = {service.pk for service in services if _is_out(running.get(service.pk, ()))}
    names = sorted({vo for service in services for vo in vos.get(service.pk, ())})
    return Place(
        site=site,
        status=_judged(site, services, down, results, None),
        statuses={
            vo: _judged(site, [each for each in services if vo in vos.get(each.pk, ())], down, results, vo)
            for vo in names
        },
        downtimes=_downtimes(services, running),
        service_count=len(services),
    )


def _is_out(rows: Iterable[DowntimeService]) -> bool:
    return any(row.downtime.severity == Severity.OUTAGE for row in rows)


def _downtimes(
    services: Iterable[Service], running: Mapping[int, Sequence[DowntimeService]]
) -> list[tuple[Downtime, datetime]]:
    found: dict[int, tuple[Downtime, datetime]] = {}
    for service in services:
        for row in running.get(service.pk, ()):
            _, until = found.get(row.downtime_id, (None, row.ends_at))
            found[row.downtime_id] = (row.downtime, max(until, row.ends_at))
    return sorted(found.values(), key=lambda pair: (pair[0].start, pair[0].pk))


def _judged(site: Site, services: Sequence[Service], down: set[int], results: _Results, vo: str | None) -> Status:
    """Services of one type stand in for each other (OR), types need each other (AND): availability.md section 1."""
    if site.certification != Certification.CERTIFIED:
        return Status.EXCLUDED
    by_type: dict[str, list[Status]] = defaultdict(list)
    for service in services:
        if service.in_production and service.is_monitored:
            by_type[service.service_type.name].append(_of_service(service, down, results, vo))
    if not by_type:
        return Status.DOWNTIME if services and all(each.pk in down for each in services) else Status.MISSING
    # A type of which nothing has ever been measured has no test for that VO and says nothing of the site.
    groups = [combine_or(statuses) for statuses in by_type.values()]
    return combine_and([each for each in groups if each is not Status.MISSING] or [Status.MISSING])


def _of_service(service: Service, down: set[int], results: _Results, vo: str | None) -> Status:
    if service.pk in down:
        return Status.DOWNTIME
    known = results.get((service.hostname, service.service_type.name), {})
    seen = [status for name, some in known.items() if vo is None or name in ("", vo) for status in some]
    return combine_and(seen) if seen else Status.MISSING


def worst(statuses: Iterable[Status]) -> Status:
    """The one that wants to be seen first, for a mark that stands for several sites."""
    return min(statuses, key=_WORST_FIRST.index)
