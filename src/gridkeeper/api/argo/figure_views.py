"""The addresses of figures and timelines: v2 `/results`, `/status`, v3 `/results`, `/status`."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from gridkeeper.api.argo import lake_rows, metric_timelines, results, statuses
from gridkeeper.api.argo.answers import Answer, Asked, Streamed, resource
from gridkeeper.api.argo.endpoints import Endpoints
from gridkeeper.api.argo.forms import RESULT_TAGS, STATUS_TAGS, Listing
from gridkeeper.api.argo.question import (
    Paging,
    Place,
    days_between,
    last_day,
    parse_days,
    parse_granularity,
    parse_place,
)
from gridkeeper.api.argo.refusal import RefusedError, bad_request
from gridkeeper.api.argo.reported import Reported, report_named
from gridkeeper.api.argo.statuses import View
from gridkeeper.api.gocdb.version import version_of_tables
from gridkeeper.availability.levels import Level
from gridkeeper.availability.models import ProfileVersion
from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Service

_NOTHING = "No results found for given query"


def _version(*more: Any) -> tuple[Any, ...]:
    """What lists of figures depend on: the lake, the reports, and the addresses of services."""
    return (*lake_rows.version(), version_of_tables([ProfileVersion, Service]).numbers, *more)


def _report(asked: Asked, day: date) -> Reported:
    return report_named(asked.actor, asked.words["report"], day, asked.now.date())


def _endpoints(place: Place) -> Endpoints:
    return Endpoints.of_registry() if place.level <= Level.SERVICE else Endpoints({})


def _results(asked: Asked) -> Streamed:
    granularity, window = parse_granularity(asked.parameters), parse_days(asked.parameters)
    report = _report(asked, last_day(window))
    words = _path(asked)
    if words == ["endpoints"]:
        return _flat_results(asked, window, report)
    place = parse_place(words, report)
    if place.level is Level.METRIC:
        raise RefusedError(404, "Not Found", "there are no results of metrics; /status has their timelines")

    def listing() -> Listing:
        rows = results.rows_of(window, report, place)
        items = results.documents(rows, place.level, report, granularity, _endpoints(place))
        return Listing("results", items, tags=RESULT_TAGS)

    return Streamed(listing, _version(), when_empty=_NOTHING)


def _flat_results(asked: Asked, window: Window, report: Reported) -> Streamed:
    granularity, paging = parse_granularity(asked.parameters), Paging.of(asked.parameters)

    def listing() -> Listing:
        rows = results.Flat.rows_of(window, report, _flat_where(asked))
        flat = results.Flat(rows, granularity, paging, Endpoints.of_registry())
        return Listing("results", flat.items(), tags=RESULT_TAGS, after=flat.after)

    return Streamed(listing, _version(), when_empty=_NOTHING)


def _flat_where(asked: Asked) -> dict[str, str]:
    names = {"supergroup": "site", "service": "service_type"}
    return {column: word for name, column in names.items() if (word := asked.parameters.get(name))}


def _path(asked: Asked) -> list[str]:
    return [word for word in asked.words.get("rest", "").split("/") if word]


def _status(asked: Asked) -> Streamed:
    window, view = _status_period(asked)
    report = _report(asked, last_day(window))
    words = _path(asked)
    if words == ["endpoints"]:
        return _flat_status(asked, window, report, view)
    if len(words) == 2 and words[0] == "metrics":
        return _flat_metrics(asked, window, report, words[1])
    place = parse_place(words, report)
    if place.level is Level.REGION:
        raise RefusedError(
            404, f"The report {report.name} does not define endpoint group type: {words[0]}",
            f"Try using {report.group_type}; groups of groups have results, no timelines",
        )  # fmt: skip

    def listing() -> Listing:
        endpoints = _endpoints(place)
        if place.level is Level.METRIC:
            items = metric_timelines.documents(window, report, place, _metric_view(asked, view), endpoints, asked.now)
        else:
            items = statuses.documents(statuses.rows_of(window, report, place), place.level, report, view, endpoints)
        return Listing("groups", items, tags=STATUS_TAGS)

    return Streamed(listing, _version(*_clock(asked, place.level, view)))


def _clock(asked: Asked, level: Level, view: View) -> tuple[Any, ...]:
    """What else changes the answer: the present instant where it closes timelines; results of metrics come any time."""
    is_of_the_clock = level is Level.METRIC or view.closing != statuses.MIDNIGHT
    return (asked.now.isoformat(),) if is_of_the_clock else ()


def _metric_view(asked: Asked, view: View) -> metric_timelines.MetricView:
    return metric_timelines.MetricView(view, is_detailed=asked.parameters.get("view") == "details")


def _status_period(asked: Asked) -> tuple[Window, View]:
    """The days asked for, today where none are, and how to show them."""
    parameters = asked.parameters
    is_latest = parameters.get("view") == "latest" or parameters.get("latest") == "true"
    has_period = bool(parameters.get("start_time") or parameters.get("end_time"))
    if has_period:
        window = parse_days(parameters)
    elif is_latest or asked.words.get("version") == "v3":
        window = days_between(asked.now.date(), asked.now.date())
    else:
        window = parse_days(parameters)
    return window, View.of(window, asked.now, is_latest=is_latest)


def _flat_status(asked: Asked, window: Window, report: Reported, view: View) -> Streamed:
    paging = Paging.of(asked.parameters)

    def listing() -> Listing:
        rows = statuses.Flat.rows_of(window, report, _flat_where(asked))
        flat = statuses.Flat(rows, view, paging, Endpoints.of_registry())
        return Listing("endpoints", flat.items(), "endpoint", STATUS_TAGS, flat.after)

    return Streamed(listing, _version(*_clock(asked, Level.SERVICE, view)))


def _flat_metrics(asked: Asked, window: Window, report: Reported, metric: str) -> Streamed:
    paging = Paging.of(asked.parameters)

    def listing() -> Listing:
        view = _metric_view(asked, View.of(window, asked.now))
        flat = metric_timelines.Flat(window, report, metric, view, paging, asked.now)
        return Listing("endpoint_metrics", flat.items(), "endpoint_metric", STATUS_TAGS, flat.after)

    return Streamed(listing, (asked.now.isoformat(),))


def _v3_results(asked: Asked) -> Streamed:
    granularity, window = parse_granularity(asked.parameters), _both_ends(asked)
    report = _report(asked, last_day(window))

    def listing() -> Listing:
        rows = results.rows_of(window, report, Place(Level.REGION))
        return Listing("results", results.nested(rows, report, granularity), tags=RESULT_TAGS)

    return Streamed(listing, _version())


def _both_ends(asked: Asked) -> Window:
    """v3 takes no half of a period. Raises RefusedError 400."""
    if not (asked.parameters.get("start_time") and asked.parameters.get("end_time")):
        details = "Please use start_time and end_time url parameters to set the prefered time span"
        raise bad_request(("No time span set", details))
    return parse_days(asked.parameters)


def _v3_results_by_resource(asked: Asked) -> Answer:
    granularity, window = parse_granularity(asked.parameters), _both_ends(asked)
    report, identifier = _report(asked, last_day(window)), asked.words["identifier"]
    endpoints = Endpoints.of_registry(key=identifier)
    rows = _of_resource(endpoints, identifier, lambda where: results.Flat.rows_of(window, report, where))
    return Answer(results.by_resource(rows, identifier, granularity, endpoints))


def _of_resource(endpoints: Endpoints, identifier: str, read: Any) -> Iterator[Mapping[str, Any]]:
    for hostname, service_type in sorted(endpoints.of_resource(identifier)):
        yield from read({"hostname": hostname, "service_type": service_type})


def _v3_status(asked: Asked) -> Streamed:
    if asked.parameters.get("view") == "latest" and (
        asked.parameters.get("start_time") or asked.parameters.get("end_time")
    ):
        details = "Parameter view=latest should not be used when specifing start_time and end_time period"
        raise bad_request(("Bad Request", details))
    window, view = _status_period(asked)
    report = _report(asked, last_day(window))

    def listing() -> Listing:
        groups, services = (statuses.rows_of(window, report, Place(level)) for level in (Level.SITE, Level.SERVICE))
        items = statuses.nested(groups, services, report, view, Endpoints.of_registry())
        return Listing("groups", items, tags=STATUS_TAGS)

    return Streamed(listing, _version(*_clock(asked, Level.SITE, view)))


def _v3_status_by_resource(asked: Asked) -> Answer:
    window, view = _status_period(asked)
    report, identifier = _report(asked, last_day(window)), asked.words["identifier"]
    endpoints = Endpoints.of_registry(key=identifier)
    rows = _of_resource(endpoints, identifier, lambda where: statuses.Flat.rows_of(window, report, where))
    return Answer(statuses.by_resource(rows, identifier, view, endpoints))


results_v2 = resource(GET=_results)
status_v2 = resource(GET=_status)
results_v3 = resource(GET=_v3_results)
results_v3_by_resource = resource(GET=_v3_results_by_resource)
status_v3 = resource(GET=_v3_status)
status_v3_by_resource = resource(GET=_v3_status_by_resource)


def _nowhere(asked: Asked) -> Answer:
    raise RefusedError(404, "Not Found", f"{asked.request.path[:120]} is no address of ARGO's API here")


nowhere = resource(GET=_nowhere, POST=_nowhere, PUT=_nowhere, DELETE=_nowhere)
