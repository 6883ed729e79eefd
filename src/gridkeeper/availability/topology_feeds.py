"""What ARGO's connectors say of a day, for reports that take their topology from feeds instead of the registry.

The newest snapshot of each kind that is not of a later day counts. Sites and regions are called by their names, which
are their keys too; what is judged is what the metric profiles of the report's VO name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Q

from gridkeeper.availability.models import FeedKind, FeedSnapshot
from gridkeeper.availability.profiles.documents import Filter, ReportDocument
from gridkeeper.availability.profiles.in_force import ReportDefinition
from gridkeeper.availability.topology_period import Period
from gridkeeper.availability.topology_registry import Judged, excused, merged, profile_entries, vo_ids
from gridkeeper.availability.tree import Excuse, Expected, Path
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.windows import Window
from gridkeeper.probes.models import ProfileEntry

Row = Mapping[str, Any]

#: ARGO's word for what our report calls groups and regions (`type` of its topology).
GROUP_TYPES = {"site": "SITES", "service_group": "SERVICEGROUPS"}
REGION_TYPES = {"region": "NGI", "project": "PROJECT", "tier": "TIER", "vo": "VO", "federation": "FEDERATION"}
#: Where groups stand as long as no feed of groups has come.
ALL_GROUPS = "All groups"
#: Tags of a site or of an endpoint that say the opposite of what is judged.
_OFF = frozenset({"0", "n", "no", "false"})


def rows_in_force(kind: FeedKind, day: date, name: str = "") -> list[Row] | None:
    """The rows of the snapshot that counts on a day; None where none came."""
    snapshots = FeedSnapshot.objects.filter(kind=kind, name=name, day__lte=day).order_by("-day")
    document = snapshots.values_list("document", flat=True).first()
    return None if document is None else list(rows_of(document))


#: Where ARGO's objects keep their rows: its envelope, its downtimes, its weights.
_NESTED = ("data", "endpoints", "groups")


def rows_of(document: Any) -> Iterator[Row]:
    """The rows of a bare list, of ARGO's envelope, or of objects that hold a list of them.

    >>> list(rows_of({"data": [{"date": "2026-03-01", "endpoints": [{"hostname": "a"}, {"hostname": "b"}]}]}))
    [{'hostname': 'a'}, {'hostname': 'b'}]
    """
    members = [document] if isinstance(document, Mapping) else document
    for member in members:
        nested = next((member[name] for name in _NESTED if isinstance(member.get(name), list)), None)
        if nested is None:
            yield member
        else:
            yield from rows_of(nested)


def expected_of(period: Period, judged: Sequence[Judged]) -> list[Expected]:
    """The lines of these reports, in the order of the feed."""
    endpoints = rows_in_force(FeedKind.ENDPOINTS, period.day) or []
    groups = rows_in_force(FeedKind.GROUPS, period.day)
    profiles = profile_entries(period)
    lines: list[Expected] = []
    for each in judged:
        document, types = each.report.document, each.service_types
        entries = _by_type(profiles[vo] for vo in vo_ids(period, each.report))
        regions = _regions(groups, document)
        for row in endpoints:
            if types is None or row.get("service") in types:
                for region, tags in regions(str(row.get("group", ""))):
                    if _is_judged(row, tags, document):
                        lines += _lines(period, each.report, region, row, entries.get(str(row.get("service")), ()))
    return merged(lines)


def excuses(period: Period, reports: Sequence[ReportDefinition]) -> Iterator[Excuse]:
    """Declared downtimes of the feed, once for each of the reports."""
    by_service: dict[tuple[str, str], list[Window]] = defaultdict(list)
    for row in rows_in_force(FeedKind.DOWNTIMES, period.day) or []:
        start, end = _instant(row["start_time"]), _instant(row["end_time"])
        if start < end and start < period.window.end and end > period.window.start:
            by_service[str(row["hostname"]), str(row["service"])].append(Window(start, end))
    for (hostname, service_type), windows in by_service.items():
        for excuse in excused(period, hostname, service_type, windows):
            yield from (excuse._replace(report=report.name) for report in reports)


def weights(day: date, kind: str) -> dict[str, float]:
    """Name of a site -> its weight of that kind, by the newest snapshot of that name or type of weight."""
    named = Q(name=kind) | Q(document__weight_type=kind)
    snapshots = FeedSnapshot.objects.filter(named, kind=FeedKind.WEIGHTS, day__lte=day).order_by("-day", "pk")
    document = snapshots.values_list("document", flat=True).first() or []
    return {str(row["name"]): float(row["value"]) for row in rows_of(document)}


def _by_type(profiles: Iterable[Mapping[int, Sequence[ProfileEntry]]]) -> dict[str, list[ProfileEntry]]:
    found: dict[str, list[ProfileEntry]] = defaultdict(list)
    for profile in profiles:
        for entries in profile.values():
            for entry in entries:
                found[entry.service_type.name].append(entry)
    return found


def _regions(groups: Sequence[Row] | None, document: ReportDocument) -> Any:
    """What gives the regions of a group with the group's tags; a group that no row names stands nowhere."""
    if groups is None:
        return lambda _group: [(ALL_GROUPS, {})]
    wanted = REGION_TYPES[document.region_kind]
    chosen = [row for row in groups if str(row.get("type", "")).upper() == wanted] or groups
    found: dict[str, list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
    for row in chosen:
        found[str(row.get("subgroup", ""))].append((str(row.get("group", "")), row.get("tags") or {}))
    return lambda group: found.get(group, [])


def _is_judged(row: Row, group_tags: Mapping[str, Any], document: ReportDocument) -> bool:
    tags = row.get("tags") or {}
    if str(row.get("type", "")).upper() not in ("", GROUP_TYPES[document.group_kind]):
        return False
    if any(str(tags.get(name, "1")).lower() in _OFF for name in ("monitored", "production")):
        return False
    return has_tags(document.filter, tags, group_tags)


def has_tags(wanted: Filter, tags: Mapping[str, Any], group_tags: Mapping[str, Any]) -> bool:
    """The filter against the tags of an endpoint and of its group. What a feed does not say does not exclude.

    >>> has_tags(Filter(scopes=("EGI",)), {"scope": "EGI, wlcg"}, {"certification": "Certified"})
    True
    >>> has_tags(Filter(), {}, {"certification": "Suspended"})
    False
    """
    both = {str(name): str(value) for name, value in (dict(group_tags) | dict(tags)).items()}
    for name, allowed in (("certification", wanted.certifications), ("infrastructure", wanted.infrastructures)):
        if allowed and both.get(name, "") and both[name] not in allowed:
            return False
    if wanted.scopes and not set(wanted.scopes) & {word.strip() for word in both.get("scope", "").split(",")}:
        return False
    return all(both.get(name, "") == value for name, value in wanted.tags.items())


def _lines(
    period: Period, report: ReportDefinition, region: str, row: Row, entries: Iterable[ProfileEntry]
) -> Iterator[Expected]:
    hostname, service_type = str(row.get("hostname", "")), str(row.get("service", ""))
    place = Path(report.name, region, str(row.get("group", "")), service_type, hostname)
    for entry in entries if all(place[:5]) else ():
        metric = entry.test.name
        start = max(entry.valid_from, period.window.start)
        end = min(entry.valid_until or period.window.end, period.window.end)
        if start < end:
            series = series_id(hostname, service_type, metric, entry.vo.name if entry.test.is_per_vo else "")
            interval = (period.second(start), period.second(end))
            is_new = start > period.window.start
            yield Expected(place._replace(metric=metric), series, entry.test.validity_s, *interval, is_new)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
