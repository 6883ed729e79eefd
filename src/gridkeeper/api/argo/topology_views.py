"""The addresses of `/topology/...` and `/downtimes`: GET lists, POST gives a day's snapshot, DELETE takes it back."""

from collections.abc import Callable
from datetime import date
from typing import Any

from gridkeeper.api.argo import feeds, topology
from gridkeeper.api.argo.answers import Answer, Asked, envelope, resource, said
from gridkeeper.api.argo.bodies import read_object, read_objects
from gridkeeper.api.argo.question import parse_day
from gridkeeper.api.argo.refusal import bad_request
from gridkeeper.api.argo.reported import report_named
from gridkeeper.availability.models import FeedKind
from gridkeeper.availability.permissions import FEED
from gridkeeper.people.permission import require

_ENDPOINT_FIELDS = ("group", "type", "service", "hostname")
_GROUP_FIELDS = ("group", "type", "subgroup")
#: ARGO's words for the rows of a snapshot.
_WORDS = {FeedKind.ENDPOINTS: "endpoints", FeedKind.GROUPS: "groups", FeedKind.SERVICE_TYPES: "service types"}
_CHECKS: dict[FeedKind, Callable[[Any], list[dict[str, Any]]]] = {
    FeedKind.ENDPOINTS: feeds.checked_endpoints,
    FeedKind.GROUPS: feeds.checked_groups,
    FeedKind.SERVICE_TYPES: feeds.checked_service_types,
}


def day_of(asked: Asked) -> date:
    return parse_day(asked.parameters.get("date", ""), asked.now.date())


def _endpoints(asked: Asked) -> Answer:
    rows = topology.endpoints(day_of(asked), asked.now)
    return envelope(topology.matching(rows, _ENDPOINT_FIELDS, asked.parameters))


def _groups(asked: Asked) -> Answer:
    rows = topology.groups(day_of(asked), asked.now)
    return envelope(topology.matching(rows, _GROUP_FIELDS, asked.parameters))


def _service_types(asked: Asked) -> Answer:
    return envelope(topology.service_types(day_of(asked)))


def _endpoints_of_report(asked: Asked) -> Answer:
    day = day_of(asked)
    report = report_named(asked.actor, asked.words["report"], day, asked.now.date())
    rows = topology.matching(topology.endpoints(day, asked.now), _ENDPOINT_FIELDS, asked.parameters)
    return envelope(topology.of_report(rows, topology.places_of(report, day, asked.now), report))


def _groups_of_report(asked: Asked) -> Answer:
    day = day_of(asked)
    report = report_named(asked.actor, asked.words["report"], day, asked.now.date())
    rows = topology.matching(topology.groups(day, asked.now), _GROUP_FIELDS, asked.parameters)
    return envelope(topology.groups_of_report(rows, topology.places_of(report, day, asked.now)))


def _tags(asked: Asked) -> Answer:
    day = day_of(asked)
    found = {"endpoints": topology.endpoints(day, asked.now), "groups": topology.groups(day, asked.now)}
    return envelope([{"name": name, "values": topology.tag_values(rows)} for name, rows in found.items()])


def _stats(asked: Asked) -> Answer:
    day = day_of(asked)
    report = report_named(asked.actor, asked.words["report"], day, asked.now.date())
    return envelope(topology.statistics(report, day, asked.now), "application/json")


def _take(kind: FeedKind) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        require(asked.actor, FEED)
        day, rows = day_of(asked), _CHECKS[kind](read_objects(asked))
        feeds.take(asked.actor, kind=kind, day=day, document=rows, now=asked.now)
        return _told(f"Topology of {len(rows)} {_WORDS[kind]} created for date: {day}", 201)

    return view


def _drop(kind: FeedKind) -> Callable[[Asked], Answer]:
    def view(asked: Asked) -> Answer:
        day = day_of(asked)
        rows = feeds.drop(asked.actor, kind=kind, day=day, now=asked.now)
        return _told(f"Topology of {rows} {_WORDS[kind]} deleted for date: {day}", 200)

    return view


def _told(message: str, status: int) -> Answer:
    """Its topology calls ARGO answers without an envelope."""
    return Answer({"message": message, "code": str(status)}, status)


def _downtimes(asked: Asked) -> Answer:
    day = day_of(asked)
    return envelope([{"date": f"{day}", "endpoints": topology.downtimes(day)}])


def _take_downtimes(asked: Asked) -> Answer:
    require(asked.actor, FEED)
    day, rows = day_of(asked), read_object(asked).get("endpoints")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request(("Bad Request", 'endpoints is no list of objects; give it as {"endpoints": [...]}'))
    document = {"endpoints": feeds.checked_downtimes(rows)}
    feeds.take(asked.actor, kind=FeedKind.DOWNTIMES, day=day, document=document, now=asked.now)
    return said(f"Downtimes set created for date: {day}", 201)


def _drop_downtimes(asked: Asked) -> Answer:
    day = day_of(asked)
    feeds.drop(asked.actor, kind=FeedKind.DOWNTIMES, day=day, now=asked.now)
    return said(f"Downtimes set deleted for date: {day}")


def _fed(kind: FeedKind, lister: Callable[[Asked], Answer]) -> Any:
    return resource(GET=lister, POST=_take(kind), DELETE=_drop(kind))


endpoints = _fed(FeedKind.ENDPOINTS, _endpoints)
groups = _fed(FeedKind.GROUPS, _groups)
service_types = _fed(FeedKind.SERVICE_TYPES, _service_types)
endpoints_of_report = resource(GET=_endpoints_of_report)
groups_of_report = resource(GET=_groups_of_report)
tags = resource(GET=_tags)
stats = resource(GET=_stats)
downtimes = resource(GET=_downtimes, POST=_take_downtimes, DELETE=_drop_downtimes)
