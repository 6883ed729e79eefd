"""What the registry, the VOs and their metric profiles expect on a day, for the reports that are made of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models.functions import Coalesce

from gridkeeper.availability.profiles.documents import AggregationDocument
from gridkeeper.availability.profiles.in_force import ReportDefinition
from gridkeeper.availability.topology_period import Period
from gridkeeper.availability.topology_supports import Support, supports
from gridkeeper.availability.topology_then import Certified, Then
from gridkeeper.availability.tree import Excuse, Expected, Path
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.windows import Window, merge_windows
from gridkeeper.people.audit import FOREVER
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.registry.models import (
    Classification,
    Dated,
    DowntimeService,
    ServiceGroupMember,
    Severity,
    Site,
)
from gridkeeper.vos.models import Vo

#: Where sites stand in a report by tiers that have none.
NO_TIER = "No tier"


@dataclass(frozen=True, slots=True)
class Judged:
    """A report with the functions that its groups are made of; None: each service type is one of its own."""

    report: ReportDefinition
    aggregation: AggregationDocument | None = None

    @property
    def service_types(self) -> frozenset[str] | None:
        """Those that count; None: all."""
        if self.aggregation is None:
            return None
        return frozenset(name for function in self.aggregation.functions for name in function.services)


class _Stand(NamedTuple):
    """A group that a service stands in, for how long, and since when."""

    region: str
    group: str
    lasting: Window
    began: datetime


class _Metric(NamedTuple):
    """A critical entry of a profile. vo: whose results judge; "" for what is run once for all"""

    name: str
    vo: str
    validity_s: int
    since: datetime
    until: datetime


def expected_of(period: Period, judged: Sequence[Judged], site: Site | None) -> list[Expected]:
    """The lines of these reports, by VOs, sites, service types and hosts. The number of queries is always the same."""
    walk = _Walk(period, judged, site)
    for support in walk.support():
        walk.visit(support)
    return walk.lines()


class _Walk:
    """What is looked up once for all services of a day, and the lines that were found."""

    def __init__(self, period: Period, judged: Sequence[Judged], site: Site | None) -> None:
        self._period, self._site = period, site
        self._judged = [(each, each.service_types) for each in judged]
        documents = [each.report.document for each in judged]
        self._certified = Certified(period, site)
        self._metrics = _Metrics(period)
        self._then = Then.at(
            period.window.end,
            with_tags=any(document.filter.scopes or document.filter.tags for document in documents),
            with_projects=any(document.region_kind == "project" for document in documents),
        )
        is_grouped = any(document.group_kind == "service_group" for document in documents)
        self._members = _members(period) if is_grouped else {}
        self._lines: dict[Path, list[Expected]] = {}
        self._to_merge: set[Path] = set()
        # Reports ask for the same series; each is a hash.
        self._series: dict[tuple[str, str, str, str], int] = {}

    def support(self) -> list[Support]:
        vos = {each.report.vo for each, _ in self._judged}
        named = None if None in vos else {vo for vo in vos if vo}
        return supports(self._period.window, named, self._site)

    def lines(self) -> list[Expected]:
        """A line for each metric and interval in which it is expected."""
        found = []
        for place, lines in self._lines.items():
            found += merged(lines) if place in self._to_merge else lines
        return found

    def visit(self, support: Support) -> None:
        """Adds what is expected of a service for a VO in all reports that judge by that VO."""
        service = support.service
        metrics = self._metrics.of(support)
        if not metrics or not self._then.is_judged(service):
            return
        lasting = _common(support, service, service.site, within=self._period.window)
        for each, types in self._judged if lasting else ():
            if each.report.vo not in (None, support.vo):
                continue
            if types is not None and support.service_type not in types:
                continue
            if lasting and self._then.fits(each.report.document.filter, service):
                self._add(each.report, support, lasting, metrics)

    def _add(self, report: ReportDefinition, support: Support, lasting: Window, metrics: Sequence[_Metric]) -> None:
        certified = self._certified.windows(support.service.site_id, report.document.filter.certifications)
        for stand in self._stands(report, support, lasting):
            place = Path(report.name, stand.region, stand.group, support.service_type, support.service.hostname)
            for part in filter(None, map(stand.lasting.intersection, certified)):
                if place in self._lines:
                    self._to_merge.add(place)
                self._lines.setdefault(place, []).extend(self._of_part(place, part, stand.began, metrics))

    def _of_part(self, place: Path, part: Window, began: datetime, metrics: Sequence[_Metric]) -> Iterator[Expected]:
        """What is expected in a part of the day in which all holds but, maybe, the entries of the profile."""
        day = self._period
        whole = (day.second(part.start), day.second(part.end))
        for metric in metrics:
            interval = whole
            start = part.start
            if metric.since > part.start or metric.until < part.end:
                if metric.since >= part.end or metric.until <= part.start:
                    continue
                start = max(metric.since, start)
                interval = (day.second(start), day.second(min(metric.until, part.end)))
                self._to_merge.add(place)
            key = (place.hostname, place.service_type, metric.name, metric.vo)
            series = self._series.get(key) or self._series.setdefault(key, series_id(*key))
            is_new = max(began, metric.since, start) > day.window.start
            yield Expected(Path(*place[:5], metric.name), series, metric.validity_s, *interval, is_new)

    def _stands(self, report: ReportDefinition, support: Support, lasting: Window) -> Iterator[_Stand]:
        service = support.service
        began = max(row.valid_from for row in (support, service, service.site))
        for region in self._regions(report, support):
            if report.document.group_kind == "site":
                yield _Stand(region, service.site.key, lasting, began)
                continue
            for member in self._members.get(service.pk, ()):
                part = _common(member, member.group, within=lasting)
                if part:
                    yield _Stand(region, member.group.key, part, max(began, member.valid_from))

    def _regions(self, report: ReportDefinition, support: Support) -> Sequence[str]:
        then = self._then.site(support.service.site)
        kind = report.document.region_kind
        if kind == "project":
            return self._then.projects.get(then.region, [then.federation])
        words = {"region": then.region, "tier": then.tier or NO_TIER, "federation": then.federation}
        return [words.get(kind, support.vo)]


class _Metrics:
    """The critical entries by VO and service type."""

    def __init__(self, period: Period) -> None:
        self._profiles = profile_entries(period)
        self._known: dict[tuple[int, int], list[_Metric]] = {}

    def of(self, support: Support) -> list[_Metric]:
        key = (support.vo_id, support.service.service_type_id)
        if key not in self._known:
            self._known[key] = [_metric(entry) for entry in self._profiles[key[0]].get(key[1], ())]
        return self._known[key]


def _metric(entry: ProfileEntry) -> _Metric:
    # A borrowed profile is judged by the results of the VO that it was borrowed from: only those are run.
    vo = entry.vo.name if entry.test.is_per_vo else ""
    return _Metric(entry.test.name, vo, entry.test.validity_s, entry.valid_from, entry.valid_until or FOREVER)


def profile_entries(period: Period) -> Mapping[int, Mapping[int, list[ProfileEntry]]]:
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


def _members(period: Period) -> dict[int, list[ServiceGroupMember]]:
    """Service id -> its memberships in service groups that are monitored."""
    window = period.window
    rows = ServiceGroupMember.objects.overlapping(window.start, window.end).filter(group__is_monitored=True)
    found: dict[int, list[ServiceGroupMember]] = defaultdict(list)
    for row in rows.select_related("group").order_by("group__key", "pk"):
        found[row.service_id].append(row)
    return found


def _common(*rows: Dated | Support, within: Window) -> Window | None:
    """The part of the window in which all of the rows are valid."""
    start = max(within.start, *(row.valid_from for row in rows))
    end = min(within.end, *(row.valid_until or within.end for row in rows))
    return Window(start, end) if start < end else None


def merged(lines: Iterable[Expected]) -> list[Expected]:
    """One line for intervals of a metric that touch or overlap; new where the first of them is."""
    by_metric = defaultdict(list)
    for line in lines:
        by_metric[line.path].append(line)
    whole: list[Expected] = []
    for same in by_metric.values():
        same.sort(key=lambda line: (line.from_s, line.until_s))
        for number, line in enumerate(same):
            if number and line.from_s <= whole[-1].until_s:
                whole[-1] = whole[-1]._replace(until_s=max(whole[-1].until_s, line.until_s))
            else:
                whole.append(line)
    return whole


def excuses(period: Period, site: Site | None) -> Iterator[Excuse]:
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
        yield from excused(period, hostname, service_type, windows)


def excused(period: Period, hostname: str, service_type: str, windows: Sequence[Window]) -> Iterator[Excuse]:
    """The parts of a period in which any of the downtimes excuses a service."""
    for each in merge_windows(windows):
        start_s, end_s = period.second(each.start), period.second(each.end)
        if hostname and start_s < end_s:
            yield Excuse(hostname, service_type, start_s, end_s)


def vo_ids(period: Period, report: ReportDefinition) -> list[int]:
    """The VOs by whose critical metrics a report judges."""
    vos = Vo.objects.overlapping(period.window.start, period.window.end)
    return list((vos if report.vo is None else vos.filter(name=report.vo)).values_list("pk", flat=True))
