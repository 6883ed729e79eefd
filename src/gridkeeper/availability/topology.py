"""The tree of a day from the registry, the VOs and their profiles: what is expected of whom, and since when.

A report is a VO. Its metrics are the critical entries of its profile, or of the operations VO's where it has none.
They are expected of services that support it, are in production and monitored, at certified sites, each as of then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models.functions import Coalesce

from gridkeeper.availability.tree import Excuse, Expected, Path, Tree
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.windows import DAY, Window, merge_windows
from gridkeeper.lake.changes import Validity
from gridkeeper.people.past import as_of
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.models import (
    Certification,
    CertificationChange,
    Classification,
    Dated,
    DowntimeService,
    Service,
    Severity,
    Site,
)
from gridkeeper.vos.models import Vo, VoSupport


@dataclass(frozen=True, slots=True)
class Period:
    """The part of a day that is judged: all of it, or what has passed of today."""

    day: date
    window: Window

    @classmethod
    def of(cls, day: date, now: datetime) -> "Period | None":
        """None for a day that has not begun a second ago."""
        whole = Window.of_day(day)
        end = min(whole.end, max(whole.start, now.replace(microsecond=0)))
        return cls(day, Window(whole.start, end)) if end > whole.start else None

    @property
    def length_s(self) -> int:
        return self.window.seconds

    def second(self, moment: datetime) -> int:
        """Whole seconds from midnight, rounded down, kept within the period."""
        return min(max((moment - self.window.start) // _SECOND, 0), self.length_s)


_SECOND = DAY / 86_400


def validity() -> Validity:
    """How long results say something, by the tests' definitions."""
    return Validity(dict(Test.objects.values_list("name", "validity_s")))


def tree_of(period: Period, *, site: Site | None = None, vo: str | None = None) -> Tree:
    """The tree of a day: all reports, or the part that one site or one VO needs. Nine queries."""
    tree = Tree()
    certified = _certified_windows(period, site)
    profiles = _profiles(period)
    then = _Then.at(period.window.end)
    for support in _support(period, site, vo):
        service = support.service
        if not then.is_judged(service):
            continue
        lasting = _common(support, service, service.site, within=period.window)
        places = Path(
            support.vo.name, then.region_of(service.site), service.site.key, service.service_type.name, service.hostname
        )
        for entry in profiles[support.vo_id].get(service.service_type_id, ()):
            metric = entry.test.name
            # A borrowed profile is judged by the results of the VO that it was borrowed from: only those are run.
            vo_name = entry.vo.name if entry.test.is_per_vo else ""
            series = series_id(service.hostname, service.service_type.name, metric, vo_name)
            began = max(row.valid_from for row in (support, service, service.site, entry))
            for window in _expected_windows(lasting, entry, certified[service.site_id], period):
                interval = (period.second(window.start), period.second(window.end))
                is_new = max(began, window.start) > period.window.start
                tree.expect(Expected(places._replace(metric=metric), series, entry.test.validity_s, *interval, is_new))
    tree.expected = _merged(tree.expected)
    tree.excuses = list(_excuses(period, site))
    return tree


@dataclass(frozen=True, slots=True)
class _Then:
    """What bears no dates of its own, as it stood when the period ended: a later edit does not change the figures.

    services: id -> (in production, monitored); regions: id of a site -> key of its region
    """

    services: dict[int, tuple[bool, bool]]
    regions: dict[int, str]

    @classmethod
    def at(cls, moment: datetime) -> "_Then":
        with as_of(moment):
            services = Service.objects.values_list("pk", "in_production", "is_monitored")
            flags = {pk: (in_production, is_monitored) for pk, in_production, is_monitored in services}
            return cls(flags, dict(Site.objects.values_list("pk", "ngi__key")))

    def is_judged(self, service: Service) -> bool:
        return all(self.services.get(service.pk, (service.in_production, service.is_monitored)))

    def region_of(self, site: Site) -> str:
        return self.regions.get(site.pk, site.ngi.key)


def _support(period: Period, site: Site | None, vo: str | None) -> Iterable[VoSupport]:
    window = period.window
    support = VoSupport.objects.overlapping(window.start, window.end)
    if site is not None:
        support = support.filter(service__site=site)
    if vo is not None:
        support = support.filter(vo__name=vo)
    wanted = support.select_related("vo", "service__service_type", "service__site__ngi")
    # In the order of the tree, so that its numbers are the same however the database happens to answer.
    return wanted.order_by("vo__name", "service__site__key", "service__service_type__name", "service__hostname", "pk")


def _profiles(period: Period) -> dict[int, dict[int, list[ProfileEntry]]]:
    """VO id -> service type id -> critical entries; a VO without any entry has those of the operations VO."""
    window = period.window
    entries = ProfileEntry.objects.overlapping(window.start, window.end).filter(test__is_enabled=True)
    own: dict[int, dict[int, list[ProfileEntry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries.select_related("test", "vo").order_by("test__position", "test__name", "pk"):
        by_type = own[entry.vo_id]  # a VO whose entries are all uncritical has chosen too, namely nothing
        if entry.is_critical:
            by_type[entry.service_type_id].append(entry)
    operations = Vo.objects.overlapping(window.start, window.end).filter(name=settings.GRIDKEEPER.operations_vo).first()
    standard = own[operations.pk] if operations else {}
    return defaultdict(lambda: standard, own)


def _expected_windows(
    lasting: Window | None, entry: ProfileEntry, certified: list[Window], period: Period
) -> Iterator[Window]:
    both = _common(entry, within=lasting) if lasting else None
    for window in certified if both else ():
        part = both.intersection(window) if both else None
        if part:
            yield part


def _common(*rows: Dated, within: Window) -> Window | None:
    """The part of the window in which all of the rows are valid."""
    start = max(within.start, *(row.valid_from for row in rows))
    end = min(within.end, *(row.valid_until or within.end for row in rows))
    return Window(start, end) if start < end else None


def _certified_windows(period: Period, site: Site | None) -> dict[int, list[Window]]:
    """Site id -> the parts of the period in which it was certified.

    Until a recorded change a site was what that change says it was before; without a later one it is what it is now.
    """
    sites = Site.objects.overlapping(period.window.start, period.window.end)
    changes = CertificationChange.objects.filter(changed_at__gt=period.window.start).order_by("changed_at", "pk")
    if site is not None:
        sites, changes = sites.filter(pk=site.pk), changes.filter(site=site)
    later = defaultdict(list)
    for change in changes:
        later[change.site_id].append(change)
    return {
        pk: list(_certified(period.window, present, later[pk]))
        for pk, present in sites.values_list("pk", "certification")
    }


def _certified(window: Window, present: str, changes: list[CertificationChange]) -> Iterator[Window]:
    start = window.start
    for change in changes:
        end = min(change.changed_at, window.end)
        if (change.old or present) == Certification.CERTIFIED and start < end:
            yield Window(start, end)
        start = end
    if present == Certification.CERTIFIED and start < window.end:
        yield Window(start, window.end)


def _merged(lines: list[Expected]) -> list[Expected]:
    """One line for intervals of a metric that touch or overlap; new where the first of them is."""
    by_metric = defaultdict(list)
    for line in lines:
        by_metric[line.path].append(line)
    merged: list[Expected] = []
    for same in by_metric.values():
        same.sort(key=lambda line: (line.from_s, line.until_s))
        for number, line in enumerate(same):
            if number and line.from_s <= merged[-1].until_s:
                merged[-1] = merged[-1]._replace(until_s=max(merged[-1].until_s, line.until_s))
            else:
                merged.append(line)
    return merged


def _excuses(period: Period, site: Site | None) -> Iterator[Excuse]:
    """Only scheduled outages excuse (availability.md section 2); cancelled ones never were."""
    window = period.window
    affected = DowntimeService.objects.filter(
        downtime__severity=Severity.OUTAGE,
        downtime__classification=Classification.SCHEDULED,
        downtime__cancelled_at=None,
        downtime__start__lt=window.end,
        downtime__end__gt=window.start,
    )
    if site is not None:
        affected = affected.filter(service__site=site)
    ends_at = Coalesce("end", "downtime__end")
    named = affected.values_list("service__hostname", "service__service_type__name", "downtime__start", ends_at)
    by_service = defaultdict(list)
    for hostname, service_type, start, end in named.distinct():
        by_service[hostname, service_type].append(Window(start, max(start, end)))
    for (hostname, service_type), windows in by_service.items():
        for each in merge_windows(windows):
            start_s, end_s = period.second(each.start), period.second(each.end)
            if hostname and start_s < end_s:
                yield Excuse(hostname, service_type, start_s, end_s)
