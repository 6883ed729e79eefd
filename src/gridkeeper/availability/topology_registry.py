"""What the registry, the VOs and their metric profiles expect on a day, for the reports that are made of them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from gridkeeper.availability.profiles.documents import AggregationDocument
from gridkeeper.availability.profiles.in_force import ReportDefinition
from gridkeeper.availability.topology_period import Period
from gridkeeper.availability.topology_supports import Support, supports
from gridkeeper.availability.topology_then import Certified, Then
from gridkeeper.availability.tree import Block, Excuse, Expected, MetricSet, Path, Tree
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.windows import Window, merge_windows
from gridkeeper.people.audit import FOREVER
from gridkeeper.people.past import is_same
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.registry.models import (
    CertificationChange,
    Classification,
    Dated,
    DowntimeService,
    Federation,
    Ngi,
    Service,
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


class Reading:
    """What the registry says of the days of a window, read once for all of them."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._supports: dict[frozenset[str] | None, list[Support]] = {}
        self._then: tuple[datetime, Then] | None = None
        self._last: tuple[Period, Sequence[Judged], Tree, Then] | None = None
        self._bounds: dict[frozenset[str] | None, list[datetime]] = {}

    def tree_as_before(self, period: Period, judged: Sequence[Judged]) -> Tree | None:
        """The tree of the day that was asked for last, where nothing of what it is made of is otherwise on this one.

        Most days are like the day before, and making a tree takes as long as judging by it.
        """
        if self._last is None or not _are_steady(judged):
            return None
        last, before, tree, then = self._last
        between = Window(min(last.window.start, period.window.start), max(last.window.end, period.window.end))
        is_same_day = (last.length_s, before) == (period.length_s, judged)
        if not is_same_day or self._has_bounds_in(between, judged) or _changed_in(between):
            return None
        return tree.on_another_day() if self.then(period.window.end, judged) is then else None

    def keep(self, period: Period, judged: Sequence[Judged], tree: Tree) -> None:
        """For `tree_as_before`."""
        self._last = (period, judged, tree, self.then(period.window.end, judged))

    def _has_bounds_in(self, window: Window, judged: Sequence[Judged]) -> bool:
        """Whether any service begins or ceases to count for one of their VOs within the window."""
        vos = _vos(judged)
        if vos not in self._bounds:
            found = self.supports(judged)
            rows = {id(row): row for each in found for row in (each.service, each.service.site)}
            dated = [*found, *rows.values()]
            instants = {instant for row in dated for instant in (row.valid_from, row.valid_until) if instant}
            self._bounds[vos] = sorted(instants)
        bounds = self._bounds[vos]
        return bisect_right(bounds, window.start) < bisect_left(bounds, window.end)

    def supports(self, judged: Sequence[Judged]) -> list[Support]:
        """More than those of one day: what does not hold on it expects nothing."""
        vos = _vos(judged)
        if vos not in self._supports:
            self._supports[vos] = supports(self._window, vos, None)
        return self._supports[vos]

    def then(self, moment: datetime, judged: Sequence[Judged]) -> Then:
        """That of the last time, where nothing changed since and it has all that is asked for."""
        documents = [each.report.document for each in judged]
        with_tags = any(document.filter.scopes or document.filter.tags for document in documents)
        if any(document.region_kind == "project" for document in documents):
            return Then.at(moment, with_tags=with_tags, with_projects=True)
        known = self._then
        if known and known[1].has_tags >= with_tags and is_same((Service, Site, Ngi, Federation), known[0], moment):
            return known[1]
        found = Then.at(moment, with_tags=with_tags, with_projects=False)
        self._then = (moment, found)
        return found


def _vos(judged: Sequence[Judged]) -> frozenset[str] | None:
    """The VOs whose metrics judge; None: all."""
    vos = {each.report.vo for each in judged}
    return None if None in vos else frozenset(vo for vo in vos if vo)


def _are_steady(judged: Sequence[Judged]) -> bool:
    """Whether nothing but what a Reading looks at makes the trees of these reports."""
    kinds = {(each.report.document.group_kind, each.report.document.region_kind) for each in judged}
    return all(group == "site" and region != "project" for group, region in kinds)


def _changed_in(window: Window) -> bool:
    """Whether within the window a site's certification changed, or what is critical for a VO."""
    of_vos = (ProfileEntry.objects.all(), Vo.objects.all())
    begun_or_ended = (
        rows.filter(Q(valid_from__gt=window.start, valid_from__lt=window.end)
                    | Q(valid_until__gt=window.start, valid_until__lt=window.end))
        for rows in of_vos
    )  # fmt: skip
    changes = CertificationChange.objects.filter(changed_at__gt=window.start, changed_at__lte=window.end)
    return changes.exists() or any(rows.exists() for rows in begun_or_ended)


def expected_of(
    period: Period, judged: Sequence[Judged], site: Site | None, reading: Reading | None = None
) -> tuple[list[Block], list[Expected]]:
    """What is expected for these reports, by VOs, sites, service types and hosts: whole services, and of services whose
    metrics are expected with breaks the single lines. The number of queries is always the same.
    """
    if not judged:
        return [], []
    walk = _Walk(period, judged, site, reading or Reading(period.window))
    for support in walk.support():
        walk.visit(support)
    return walk.found()


class _Walk:
    """What is looked up once for all services of a day, and the lines that were found."""

    def __init__(self, period: Period, judged: Sequence[Judged], site: Site | None, reading: Reading) -> None:
        self._period, self._site, self._reading = period, site, reading
        self._judged = [(each, each.service_types) for each in judged]
        documents = [each.report.document for each in judged]
        self._certified = Certified(period, site)
        self._metrics = _Metrics(period)
        self._then = reading.then(period.window.end, judged)
        is_grouped = any(document.group_kind == "service_group" for document in documents)
        self._members = _members(period) if is_grouped else {}
        self._parts: dict[Path, list[Block]] = {}

    def support(self) -> list[Support]:
        judged = [each for each, _ in self._judged]
        if self._site is not None:
            return supports(self._period.window, _vos(judged), self._site)
        return self._reading.supports(judged)

    def found(self) -> tuple[list[Block], list[Expected]]:
        """A block for each service; a line for each metric and interval of services that count for parts of the day."""
        blocks: list[Block] = []
        lines: list[Expected] = []
        for parts in self._parts.values():
            if len(parts) == 1 and len(set(parts[0].metrics.names)) == len(parts[0].metrics.names):
                blocks += parts
            else:
                lines += merged(line for part in parts for line in part.lines())
        return blocks, lines

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

    def _add(self, report: ReportDefinition, support: Support, lasting: Window, metrics: tuple[_Metric, ...]) -> None:
        certified = self._certified.windows(support.service.site_id, report.document.filter.certifications)
        for stand in self._stands(report, support, lasting):
            place = Path(report.name, stand.region, stand.group, support.service_type, support.service.hostname)
            for part in filter(None, map(stand.lasting.intersection, certified)):
                entries, expected = self._metrics.expected(metrics, part, stand.began)
                if entries:
                    series = _series_of(support.service.hostname, support.service_type, entries)
                    self._parts.setdefault(place, []).append(Block(place, expected, series))

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


#: Metrics with the VO whose results judge.
_Entries = tuple[tuple[str, str], ...]


class _Metrics:
    """The critical entries by VO and service type, and what they expect in the parts of a day."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._profiles = profile_entries(period)
        self._known: dict[tuple[int, int], tuple[_Metric, ...]] = {}
        self._expected: dict[tuple[int, Window, datetime], tuple[_Entries, MetricSet]] = {}

    def of(self, support: Support) -> tuple[_Metric, ...]:
        key = (support.vo_id, support.service.service_type_id)
        if key not in self._known:
            self._known[key] = tuple(_metric(entry) for entry in self._profiles[key[0]].get(key[1], ()))
        return self._known[key]

    def expected(self, metrics: tuple[_Metric, ...], part: Window, began: datetime) -> tuple[_Entries, MetricSet]:
        """What is expected in a part of the day in which all holds but, maybe, the entries of the profile.

        metrics: as `of` gave them; began: since when all else holds
        """
        # Whatever began before the day is not new on it.
        began = max(began, self._period.window.start)
        key = (id(metrics), part, began)
        if key not in self._expected:
            self._expected[key] = self._made(metrics, part, began)
        return self._expected[key]

    def _made(self, metrics: Sequence[_Metric], part: Window, began: datetime) -> tuple[_Entries, MetricSet]:
        day = self._period
        entries, rows = [], []
        for metric in metrics:
            start, end = max(metric.since, part.start), min(metric.until, part.end)
            from_s, until_s = day.second(start), day.second(end)
            if from_s < until_s:
                entries.append((metric.name, metric.vo))
                rows.append((metric.validity_s, from_s, until_s, max(began, start) > day.window.start))
        columns = np.array(rows, np.int64).reshape(-1, 4).T
        names = tuple(name for name, _ in entries)
        return tuple(entries), MetricSet(names, columns[0], columns[1], columns[2], columns[3].astype(np.bool_))


@lru_cache(maxsize=100_000)
def _series_of(hostname: str, service_type: str, entries: _Entries) -> NDArray[np.int64]:
    """The series of a service's metrics: days and reports ask for the same ones again and again, and each is a hash."""
    found = np.array([series_id(hostname, service_type, name, vo) for name, vo in entries], np.int64)
    found.flags.writeable = False
    return found


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
