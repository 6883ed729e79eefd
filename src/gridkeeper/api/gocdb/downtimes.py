"""get_downtime, get_downtime_nested_services, get_downtime_to_broadcast.

What was cancelled is never told here: GOCDB knows no such state, and its readers would take it for an outage. A service
that is back before the downtime as a whole has its own END_DATE in items of one service.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import relativedelta
from django.db.models import F, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce

from gridkeeper.api.gocdb.filters import like, number, property_filter, scope_filter
from gridkeeper.api.gocdb.portal_links import link
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.api.gocdb.rows import QueryRows
from gridkeeper.api.gocdb.xml import end, group, leaf, letter, start
from gridkeeper.registry.models import (
    Certification,
    Classification,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    Endpoint,
    Severity,
)

PARAMETERS = (
    "topentity", "ongoing_only", "startdate", "enddate", "windowstart", "windowend", "scope", "scope_match",
    "all_lastmonth", "site_extensions", "service_extensions", "id", "sitelist", "servicelist", "ngilist", "severity",
    "classification", "production", "monitored", "certification_status", "service_type_list",
)  # fmt: skip
_DATES = ("startdate", "enddate", "windowstart", "windowend")
_LONGEST_INTERVAL_DAYS = 36_500
#: How long before its start GOCDB announces a downtime once more.
_REMINDER = timedelta(days=1)


def downtime_rows(question: Question) -> QueryRows:
    """The downtimes that were not cancelled, each with those of its services that are asked for (`told`)."""
    condition = _period(question) & _places(question) & _kinds(question) & _properties(question)
    return _rows(question, condition)


def broadcast_rows(question: Question) -> QueryRows:
    """The downtimes that were declared in the last days."""
    interval_days = number(question, "interval", _LONGEST_INTERVAL_DAYS)
    days = timedelta(days=1 if interval_days is None else interval_days)
    return _rows(question, Q(downtime__declared_at__gt=question.now - days) & _named(question))


def _rows(question: Question, condition: Q) -> QueryRows:
    condition &= scope_filter(question, "service__scopes")
    affected = _affected().filter(condition)
    told = affected.select_related("service__service_type", "service__site").order_by("pk")
    addresses = DowntimeEndpoint.objects.order_by("endpoint__pk").select_related("endpoint")
    downtimes = Downtime.objects.filter(cancelled_at=None, pk__in=affected.order_by().values("downtime"))
    prefetches = Prefetch("affected", told.prefetch_related(Prefetch("endpoints", addresses)), to_attr="told")
    return QueryRows(downtimes.prefetch_related(prefetches), ids=affected.values_list("pk", flat=True))


def count_told(downtimes: list[Downtime]) -> int:
    """Elements that these downtimes become where each service has its own."""
    return sum(len(_told(downtime)) for downtime in downtimes)


def _affected() -> "QuerySet[DowntimeService]":
    """What is affected; a service that was back before it began is not."""
    rows = DowntimeService.objects.filter(downtime__cancelled_at=None)
    return rows.annotate(until=Coalesce("end", "downtime__end")).filter(until__gt=F("downtime__start"))


def _period(question: Question) -> Q:
    is_ongoing = question.one_of("ongoing_only", ("yes", "no")) == "yes"
    if is_ongoing and (question.get("startdate") is not None or question.get("enddate") is not None):
        message = "Invalid parameter combination - do not specify startdate or enddate with ongoing_only"
        raise RefusedError(400, message)
    condition = _last_month(question)
    if is_ongoing:
        condition &= Q(downtime__start__lt=question.now, until__gt=question.now)
    if start_date := question.date("startdate"):
        condition &= Q(downtime__start__gt=start_date)
    if end_date := question.date("enddate"):
        condition &= Q(until__lt=end_date)
    if window_start := question.date("windowstart"):
        condition &= Q(until__gt=window_start)
    if window_end := question.date("windowend"):
        # The day is meant as a whole. The last one of the calendar has no day after it.
        condition &= Q(downtime__start__lt=min(window_end, datetime(9999, 12, 30, tzinfo=UTC)) + timedelta(days=1))
    return condition


def _last_month(question: Question) -> Q:
    """all_lastmonth: what began within a month and a day, and what comes."""
    if question.get("all_lastmonth") is None:
        return Q()
    if any(question.get(name) is not None for name in (*_DATES, "ongoing_only")):
        message = "Invalid parameters - only scope, scope_match, topentity params allowed when specifying all_lastmonth"
        raise RefusedError(400, message)
    return Q(downtime__start__gt=question.now - relativedelta(months=1, days=1))


def _places(question: Question) -> Q:
    condition = _named(question)
    if (top := question.get("topentity")) is not None:
        paths = ("hostname", "site__name", "site__ngi__name", "site__country")
        anywhere = Q()
        for path in paths:
            anywhere |= like(f"service__{path}", top)
        condition &= anywhere
    for name, path in {"sitelist": "site__name", "ngilist": "site__ngi__name"}.items():
        if question.get(name) is not None:
            condition &= Q(**{f"service__{path}__in": question.words(name)})
    if question.get("servicelist") is not None:
        wanted = question.words("servicelist")
        condition &= Q(service__hostname__in=wanted) | Q(service__key__in=wanted)
    return condition


def _named(question: Question) -> Q:
    """id: the number of a downtime, or its key."""
    wanted = question.get("id")
    if wanted is None:
        return Q()
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
    return Q(downtime=int(wanted)) if is_number else Q(downtime__key=wanted)


def _kinds(question: Question) -> Q:
    condition = Q()
    if severity := question.one_of("severity", Severity.values):
        condition &= Q(downtime__severity=severity)
    if classification := question.one_of("classification", Classification.values):
        condition &= Q(downtime__classification=classification)
    if (production := question.flag("production")) is not None:
        condition &= Q(service__in_production=production)
    if (monitored := question.flag("monitored")) is not None:
        condition &= Q(service__is_monitored=monitored)
    if status := question.one_of("certification_status", Certification.values):
        condition &= Q(service__site__certification=status)
    if question.get("service_type_list") is not None:
        condition &= Q(service__service_type__name__in=question.words("service_type_list"))
    return condition


def _properties(question: Question) -> Q:
    of_site = property_filter(question, "service__site__properties", "site_extensions")
    return of_site & property_filter(question, "service__properties", "service_extensions")


def is_of_the_clock(question: Question) -> bool:
    """True where the same question may be answered otherwise later, though nothing has changed."""
    asks_now = question.get("ongoing_only") == "yes" or question.get("all_lastmonth") is not None
    return asks_now or question.method == "get_downtime_to_broadcast"


def write_downtimes(question: Question, downtimes: list[Downtime]) -> Iterator[str]:
    for downtime in downtimes:
        opening, address = _opening(downtime), _address(question, downtime)
        for affected in _told(downtime):
            service = affected.service
            yield opening
            yield leaf("PRIMARY_KEY", downtime.key)
            yield _of_service(affected)
            yield leaf("HOSTED_BY", service.site.name)
            yield address
            yield _endpoints(affected, 2)
            yield leaf("SEVERITY", downtime.severity)
            yield leaf("DESCRIPTION", downtime.description)
            yield _dates(downtime, affected.ends_at)
            yield _formatted(downtime, affected.ends_at)
            yield end("DOWNTIME", 1)


def write_nested_downtimes(question: Question, downtimes: list[Downtime]) -> Iterator[str]:
    for downtime in downtimes:
        yield _opening(downtime)
        yield leaf("SEVERITY", downtime.severity)
        yield leaf("DESCRIPTION", downtime.description)
        yield _dates(downtime, downtime.end)
        yield _formatted(downtime, downtime.end)
        yield _address(question, downtime)
        yield group("SERVICES", (_service(affected) for affected in _told(downtime)))
        yield end("DOWNTIME", 1)


def write_broadcast(question: Question, downtimes: list[Downtime]) -> Iterator[str]:
    for downtime in downtimes:
        opening, address = _opening(downtime), _address(question, downtime)
        for affected in _told(downtime):
            service = affected.service
            yield opening
            yield leaf("PRIMARY_KEY", downtime.key)
            yield leaf("SITENAME", service.site.name)
            yield leaf("HOSTNAME", service.hostname)
            yield leaf("SERVICE_TYPE", service.service_type.name)
            yield leaf("HOSTED_BY", service.site.name)
            yield address
            yield _endpoints(affected, 2)
            yield leaf("SEVERITY", downtime.severity)
            yield leaf("DESCRIPTION", downtime.description)
            yield _dates(downtime, affected.ends_at)
            yield leaf("REMINDER_START_DOWNTIME", _epoch(downtime.start - _REMINDER))
            yield leaf("BROADCASTING_START_DOWNTIME", "")
            yield end("DOWNTIME", 1)


def _told(downtime: Downtime) -> list[DowntimeService]:
    told: list[DowntimeService] = downtime.told  # type: ignore[attr-defined]
    for affected in told:
        affected.downtime = downtime  # `ends_at` asks for it
    return told


def _opening(downtime: Downtime) -> str:
    return start(
        "DOWNTIME", 1, ID=downtime.pk, PRIMARY_KEY=downtime.key, CLASSIFICATION=downtime.classification
    )  # fmt: skip


def _address(question: Question, downtime: Downtime) -> str:
    return leaf("GOCDB_PORTAL_URL", link(question.root, "registry:downtime", downtime.key))


def _of_service(affected: DowntimeService, depth: int = 2) -> str:
    host, kind = affected.service.hostname, affected.service.service_type.name
    return leaf("HOSTNAME", host, depth) + leaf("SERVICE_TYPE", kind, depth) + leaf("ENDPOINT", host + kind, depth)


def _service(affected: DowntimeService) -> str:
    parts = (
        leaf("PRIMARY_KEY", affected.service.key, 4),
        _of_service(affected, 4),
        leaf("HOSTED_BY", affected.service.site.name, 4),
        _endpoints(affected, 4),
    )
    return group("SERVICE", parts, 3)


def _endpoints(affected: DowntimeService, depth: int) -> str:
    """The addresses of the service that the downtime names; none of them: the service as a whole is affected."""
    return group("AFFECTED_ENDPOINTS", (_endpoint(row.endpoint, depth + 1) for row in affected.endpoints.all()), depth)


def _endpoint(endpoint: Endpoint, depth: int) -> str:
    parts = (
        leaf("ID", str(endpoint.pk), depth + 1),
        leaf("NAME", endpoint.name, depth + 1),
        leaf("URL", endpoint.url, depth + 1),
        leaf("INTERFACENAME", endpoint.interface_name, depth + 1),
        leaf("ENDPOINT_MONITORED", letter(endpoint.is_monitored), depth + 1),
    )
    return group("ENDPOINT", parts, depth)


def _dates(downtime: Downtime, ends_at: datetime) -> str:
    declared = _epoch(downtime.declared_at) if downtime.declared_at else ""
    dates = leaf("START_DATE", _epoch(downtime.start)) + leaf("END_DATE", _epoch(ends_at))
    return leaf("INSERT_DATE", declared) + dates


def _formatted(downtime: Downtime, ends_at: datetime) -> str:
    """GOCDB's own spelling of the names; DIRAC reads exactly this form."""
    return leaf("FORMATED_START_DATE", _words(downtime.start)) + leaf("FORMATED_END_DATE", _words(ends_at))


def _epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def _words(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
