"""`/rgsummary/xml`, `/rgdowntime/xml`, `/rgdowntime/ical` and `/vosummary/xml`, as OSG's programs read them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from icalendar import Calendar, Event

from gridkeeper.feeds import calendars, osg, osg_xml
from gridkeeper.feeds.answers import answer, feed, for_readers, writable
from gridkeeper.feeds.osg_filters import OsgFilters, read_osg_filters
from gridkeeper.feeds.osg_xml import add, document, word
from gridkeeper.feeds.versions import registry_changed_at
from gridkeeper.registry.models import Downtime, DowntimeService, Service, Severity
from gridkeeper.vos.models import Vo
from gridkeeper.web.moments import moment_of

_NOT_AVAILABLE = "Not Available"
_SEVERITIES = {Severity.OUTAGE: "Outage", Severity.WARNING: "No Significant Outage Expected (you shouldn't notice)"}


@for_readers
@feed
def rgsummary(request: HttpRequest) -> HttpResponse:
    """Resource groups with their resources and services."""
    filters = read_osg_filters(request.GET)
    found = osg.chosen(osg.groups(), filters, osg.vo_numbers())
    changed_at = registry_changed_at(moment_of(request))
    return answer(request, osg_xml.resource_summary(found), osg_xml.CONTENT_TYPE, changed_at)


class _Down(NamedTuple):
    """A resource in a downtime: OSG's downtimes are of one resource each."""

    downtime: Downtime
    group: osg.Group
    resource: str
    services: list[Service]
    end: datetime
    is_alone: bool


@for_readers
@feed
def rgdowntime(request: HttpRequest) -> HttpResponse:
    """Downtimes that are past, current and future; of the past only what `downtime_attrs_showpast` asks for."""
    now = moment_of(request)
    found = list(_downs(read_osg_filters(request.GET), now))
    root = document("Downtimes")
    groups = {
        "PastDowntimes": [each for each in found if each.end < now],
        "CurrentDowntimes": [each for each in found if each.downtime.start <= now <= each.end],
        "FutureDowntimes": [each for each in found if each.downtime.start > now and each.end >= now],
    }
    for name, downs in groups.items():
        element = add(root, name)
        for down in downs:
            _downtime(element, down)
    return answer(request, osg_xml.as_bytes(root), osg_xml.CONTENT_TYPE, registry_changed_at(now))


@for_readers
@feed
def rgdowntime_ical(request: HttpRequest) -> HttpResponse:
    """The same as a calendar."""
    now = moment_of(request)
    calendar = Calendar()
    calendar.add("prodid", calendars.PRODUCT)
    calendar.add("version", "2.0")
    for down in _downs(read_osg_filters(request.GET), now):
        event = Event()
        part = "" if down.is_alone else f"-{writable(down.resource)}"
        event.add("uid", f"{osg.number_of(down.downtime.key)}{part}")
        event.add("dtstamp", down.downtime.declared_at or down.downtime.start)
        event.add("dtstart", down.downtime.start)
        event.add("dtend", down.end)
        event.add("summary", writable(f"{down.group.site.name} / {down.resource}"))
        event.add("description", writable(_words(down)))
        calendar.add_component(event)
    body = calendars.as_bytes(calendar)
    return answer(request, body, "text/calendar; charset=utf-8", registry_changed_at(now), filename="downtimes.ics")


def _downs(filters: OsgFilters, now: datetime) -> Iterator[_Down]:
    """By start; cancelled ones are none, for OSG has no word for them."""
    rows = DowntimeService.objects.filter(downtime__cancelled_at=None)
    if filters.past is not None:
        rows = rows.filter(downtime__end__gte=now - filters.past)
    rows = rows.select_related("downtime", "service__service_type", "service__site__ngi")
    by_downtime: dict[Downtime, dict[tuple[str, str], list[DowntimeService]]] = {}
    for row in rows.order_by("downtime__start", "downtime__pk", "pk"):
        service = row.service
        place = (service.site.name, service.properties.get("resource") or service.hostname)
        by_downtime.setdefault(row.downtime, {}).setdefault(place, []).append(row)
    for downtime, places in by_downtime.items():
        for (_, resource), some in places.items():
            down = _down(downtime, resource, some, filters, is_alone=len(places) == 1)
            if down is not None and filters.is_shown_at(down.end, now):
                yield down


def _down(
    downtime: Downtime, resource: str, rows: list[DowntimeService], filters: OsgFilters, *, is_alone: bool
) -> _Down | None:
    group = osg.Group(rows[0].service.site)
    rows = [row for row in rows if filters.wants("service", osg.type_number(row.service.service_type))]
    if not rows or not osg.fits(group, filters):
        return None
    end = max(downtime.end if row.end is None else row.end for row in rows)
    return _Down(downtime, group, resource, [row.service for row in rows], end, is_alone)


def _severity(downtime: Downtime) -> str:
    return downtime.source_severity or _SEVERITIES[Severity(downtime.severity)]


def _class(downtime: Downtime) -> str:
    """As the source called it: OSG's word is declared by hand, ours is computed."""
    return downtime.source_classification or downtime.classification


def _words(down: _Down) -> str:
    services = ", ".join(service.service_type.name for service in down.services)
    return (
        f"Class: {_class(down.downtime)}\nSeverity: {_severity(down.downtime)}\n"
        f"Affected Services: {services}\nDescription: {down.downtime.description}"
    )


def _downtime(parent: "osg_xml.Element", down: _Down) -> None:
    downtime, first = down.downtime, down.services[0]
    element = add(parent, "Downtime")
    add(element, "ID", osg.number_of(downtime.key))
    key = f"resource {first.site.key} {down.resource}"
    add(element, "ResourceID", osg.number_of(key, first.properties.get("resource ID", "")))
    group = add(element, "ResourceGroup")
    add(group, "GroupName", down.group.site.name)
    add(group, "GroupID", down.group.number)
    add(element, "ResourceName", down.resource)
    add(element, "ResourceFQDN", first.properties.get("FQDN") or first.hostname)
    add(element, "StartTime", osg.osg_time(downtime.start))
    add(element, "EndTime", osg.osg_time(down.end))
    add(element, "Class", _class(downtime))
    add(element, "Severity", _severity(downtime))
    add(element, "CreatedTime", osg.osg_time(downtime.declared_at) if downtime.declared_at else _NOT_AVAILABLE)
    add(element, "UpdateTime", _NOT_AVAILABLE)
    services = add(element, "Services")
    for service in down.services:
        each = add(services, "Service")
        add(each, "ID", osg.type_number(service.service_type))
        add(each, "Name", service.service_type.name)
        add(each, "Description", osg.description_of(service, service.properties))
    add(element, "Description", downtime.description)


@for_readers
@feed
def vosummary(request: HttpRequest) -> HttpResponse:
    """VOs, as far as this registry knows them: names, address, what they are."""
    filters = read_osg_filters(request.GET)
    root = document("VOSummary")
    for vo in _vos(filters):
        element = add(root, "VO")
        add(element, "ID", osg.number_of(vo.key))
        add(element, "Name", vo.name)
        add(element, "LongName", vo.long_name)
        add(element, "CertificateOnly", "False")
        for name, value in (
            ("PrimaryURL", vo.home_url), ("PurposeURL", ""), ("SupportURL", ""), ("AppDescription", vo.description),
            ("Community", ""),
        ):  # fmt: skip
            add(element, name, value)
        add(element, "ParentVO")
        add(element, "ReportingGroups")
        add(element, "Active", word(vo.valid_until is None))
        add(element, "Disable", word(vo.valid_until is not None))
        add(element, "ContactTypes")
    return answer(request, osg_xml.as_bytes(root), osg_xml.CONTENT_TYPE, registry_changed_at(moment_of(request)))


def _vos(filters: OsgFilters) -> Iterable[Vo]:
    for vo in Vo.objects.order_by("name", "pk"):
        is_open = vo.valid_until is None
        if not filters.wants("vo", osg.number_of(vo.key)):
            continue
        if filters.is_active in {None, is_open} and filters.is_disabled in {None, not is_open}:
            yield vo
