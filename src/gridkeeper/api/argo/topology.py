"""`/topology`: what is where, from the feed that holds on the day, else from the registry as it stood then."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from django.db.models.functions import Coalesce

from gridkeeper.api.argo import feeds
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.models import FeedKind
from gridkeeper.availability.topology import Period, names, tree_of
from gridkeeper.core.windows import Window
from gridkeeper.people.past import as_of
from gridkeeper.registry.models import (
    Classification,
    DowntimeService,
    Service,
    ServiceGroupMember,
    ServiceType,
    Severity,
    Site,
)

Row = dict[str, Any]


def endpoints(day: date, now: datetime) -> list[Row]:
    """Rows {date, group, type, service, hostname, tags}."""
    snapshot = feeds.newest(FeedKind.ENDPOINTS, day)
    if snapshot is not None:
        return [{"date": f"{snapshot.day}", **row} for row in snapshot.document]
    with as_of(_past(day, now)):
        return [{"date": f"{day}", **row} for row in _registered_endpoints()]


def groups(day: date, now: datetime) -> list[Row]:
    """Rows {date, group, type, subgroup, tags}."""
    snapshot = feeds.newest(FeedKind.GROUPS, day)
    if snapshot is not None:
        return [{"date": f"{snapshot.day}", **row} for row in snapshot.document]
    with as_of(_past(day, now)):
        return [{"date": f"{day}", **row} for row in _registered_groups()]


def service_types(day: date) -> list[Row]:
    """Rows {date, name, description}."""
    snapshot = feeds.newest(FeedKind.SERVICE_TYPES, day)
    if snapshot is not None:
        return [{"date": f"{snapshot.day}", **row} for row in snapshot.document]
    rows = ServiceType.objects.order_by("name").values_list("name", "description")
    return [{"date": f"{day}", "name": name, "description": description} for name, description in rows]


def downtimes(day: date) -> list[Row]:
    """Rows {hostname, service, start_time, end_time} of what excuses on that day."""
    snapshot = feeds.of_day(FeedKind.DOWNTIMES, day)
    if snapshot is not None:
        return list(snapshot.document["endpoints"])
    window = Window.of_day(day)
    declared = DowntimeService.objects.filter(
        downtime__severity=Severity.OUTAGE, downtime__classification=Classification.SCHEDULED,
        downtime__cancelled_at=None, downtime__start__lt=window.end, downtime__end__gt=window.start,
    ).annotate(until=Coalesce("end", "downtime__end"))  # fmt: skip
    fields = ("service__hostname", "service__service_type__name", "downtime__start", "until")
    return [
        {"hostname": hostname, "service": service, "start_time": _zulu(start), "end_time": _zulu(end)}
        for hostname, service, start, end in declared.order_by(*fields).values_list(*fields).distinct()
        if start < end and end > window.start
    ]


def _zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _past(day: date, now: datetime) -> datetime | None:
    """The end of a day that is over; None for the present."""
    end = Window.of_day(day).end
    return end if end < now else None


def _registered_endpoints() -> Iterator[Row]:
    rows = Service.objects.current().filter(site__valid_until=None)
    for service in rows.select_related("site", "service_type").order_by("site__name", "service_type__name", "hostname"):
        yield _endpoint(service, service.site.name, "SITES")
    members = ServiceGroupMember.objects.current().filter(group__valid_until=None, service__valid_until=None)
    ordered = members.select_related("group", "service__service_type").order_by(
        "group__name", "service__service_type__name", "service__hostname"
    )
    for member in ordered:
        yield _endpoint(member.service, member.group.name, "SERVICEGROUPS")


def _endpoint(service: Service, group: str, kind: str) -> Row:
    tags = {
        "scope": ", ".join(service.scopes),
        "production": "1" if service.in_production else "0",
        "monitored": "1" if service.is_monitored else "0",
        "info_ID": service.key,
    }
    if service.url:
        tags["info_URL"] = service.url
    return {
        "group": group, "type": kind, "service": service.service_type.name, "hostname": service.hostname, "tags": tags,
    }  # fmt: skip


def _registered_groups() -> Iterator[Row]:
    federation = ""
    for site in Site.objects.current().select_related("ngi__federation").order_by("ngi__name", "name"):
        federation = site.ngi.federation.name
        tags = {
            "scope": ", ".join(site.scopes),
            "infrastructure": site.infrastructure,
            "certification": site.certification,
        }
        yield {"group": site.ngi.name, "type": "NGI", "subgroup": site.name, "tags": tags}
    members = ServiceGroupMember.objects.current().filter(group__valid_until=None)
    rows = members.order_by("group__name").values_list("group__name", "group__scopes", "group__is_monitored")
    for name, (scopes, is_monitored) in {name: rest for name, *rest in rows}.items():
        tags = {"scope": ", ".join(scopes), "monitored": "1" if is_monitored else "0"}
        yield {"group": federation, "type": "PROJECT", "subgroup": name, "tags": tags}


def matching(rows: Iterable[Row], fields: Sequence[str], parameters: Mapping[str, str]) -> list[Row]:
    """The rows that all filters let through: names with `*`, `~` before one that is not wanted, tags=key:value,...

    >>> rows = [{"group": "NGIA", "tags": {"scope": "EGI, wlcg"}}, {"group": "NGIB", "tags": {}}]
    >>> [row["group"] for row in matching(rows, ["group"], {"group": "~NGIB", "tags": "scope:wlcg"})]
    ['NGIA']
    """
    wanted = [(name, parameters[name]) for name in fields if parameters.get(name)]
    tags = [pair.partition(":")[::2] for pair in parameters.get("tags", "").split(",") if pair.strip()]
    return [
        row
        for row in rows
        if all(_fits(str(row.get(name, "")), pattern) for name, pattern in wanted)
        and all(_has(row.get("tags") or {}, name.strip(), pattern.strip()) for name, pattern in tags)
    ]


def _fits(value: str, pattern: str) -> bool:
    is_wanted = not pattern.startswith("~")
    return fnmatchcase(value, _literal(pattern.removeprefix("~"))) is is_wanted


def _literal(pattern: str) -> str:
    """Only `*` is special in ARGO's filters."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _has(tags: Mapping[str, Any], name: str, pattern: str) -> bool:
    value = str(tags.get(name, ""))
    words = [value, *(word.strip() for word in value.split(","))]
    if pattern.startswith("~"):
        return all(_fits(word, pattern) for word in words)
    return any(_fits(word, pattern) for word in words)


def tag_values(rows: Iterable[Row]) -> list[Row]:
    """Each tag with the values that it has; a value with commas is several."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name, value in (row.get("tags") or {}).items():
            if not name.startswith("info_"):
                found[name] |= {word.strip() for word in str(value).split(",") if word.strip()}
    return [{"name": name, "values": sorted(values)} for name, values in sorted(found.items())]


def places_of(report: Reported, day: date, now: datetime) -> list[tuple[str, str, str, str]]:
    """(region, site, service type, hostname) that a report judges on a day, by name, regions and sites under theirs."""
    period = Period.of(day, now)
    if period is None:
        return []
    called = names()
    paths = {line.path for line in tree_of(period, report=report.name).expected}
    return sorted(
        {
            (called.regions.get(path.region, path.region), called.sites.get(path.site, path.site), *path[3:5])
            for path in paths
        }
    )


def statistics(report: Reported, day: date, now: datetime) -> Row:
    """How many groups of each kind, and which."""
    places = places_of(report, day, now)
    regions, sites, services = (sorted({place[column] for place in places}) for column in range(3))
    return {
        "group_count": len(regions),
        "group_type": report.region_type,
        "group_list": regions,
        "endpoint_group_count": len(sites),
        "endpoint_group_type": report.group_type,
        "endpoint_group_list": sites,
        "service_count": len(services),
        "service_list": services,
    }


def of_report(rows: Iterable[Row], places: Iterable[tuple[str, str, str, str]], report: Reported) -> list[Row]:
    """The endpoints among the rows that the report judges."""
    judged = {(site, service, hostname) for _, site, service, hostname in places}
    return [
        row
        for row in rows
        if row["type"] == report.group_type and (row["group"], row["service"], row["hostname"]) in judged
    ]


def groups_of_report(rows: Iterable[Row], places: Iterable[tuple[str, str, str, str]]) -> list[Row]:
    """The groups among the rows that the report judges."""
    judged = {(region, site) for region, site, _, _ in places}
    return [row for row in rows if (row["group"], row["subgroup"]) in judged]
