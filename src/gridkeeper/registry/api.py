"""The registry over HTTP: regions, sites, services, service types and downtimes; schemas in `api_schemas`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Query, Router, Status

from gridkeeper.people.actor import Actor
from gridkeeper.registry import actions
from gridkeeper.registry.api_schemas import (
    CertificationIn,
    DowntimeIn,
    DowntimeOut,
    Moment,
    NgiOut,
    Reason,
    ServiceDetail,
    ServiceEdit,
    ServiceOut,
    ServiceTypeOut,
    SiteDetail,
    SiteEdit,
    SiteOut,
)
from gridkeeper.registry.models import (
    Certification,
    Classification,
    Downtime,
    Endpoint,
    Infrastructure,
    Ngi,
    Service,
    ServiceType,
    Severity,
    Site,
)
from gridkeeper.registry.queries import with_services
from gridkeeper.registry.rules import DowntimeState
from gridkeeper.web.api import Limit, Offset, Page, paginate, sort
from gridkeeper.web.problems import Problem

router = Router(tags=["registry"])

#: No NUL: PostgreSQL cannot even compare with it.
_PATTERN = r"^[^\x00]*$"
Key = Annotated[str, Path(max_length=100, pattern=_PATTERN, description="Its key, as lists give it.")]
Text = Annotated[str, Query("", max_length=255, pattern=_PATTERN)]
Search = Annotated[str, Query("", max_length=255, pattern=_PATTERN, description="Part of a name, in any case.")]
Sort = Annotated[
    str, Query("", alias="sort", max_length=200, description="Fields, comma-separated; - before one: descending.")
]
Closed = Annotated[bool, Query(False, description="True: also what is closed.")]
When = Annotated[Moment | None, Query(None)]


@router.get("/regions", response=Page[NgiOut], summary="Regions (NGIs)")
def list_regions(
    request: HttpRequest, search: Search = "", federation: Text = "", closed: Closed = False,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With the number of their sites. Sorted by name unless `sort` says otherwise."""
    regions = _kept(_regions(), closed).filter(name__icontains=search)
    if federation:
        regions = regions.filter(federation__name=federation)
    return paginate(request, sort(regions, order, {"name": "name", "sites": "site_count"}), limit, offset)


@router.get("/regions/{key}", response=NgiOut, summary="One region (NGI)")
def get_region(request: HttpRequest, key: Key) -> Ngi:
    """Also where it is closed."""
    return get_object_or_404(_regions(), key=key)


def _regions() -> "QuerySet[Ngi]":
    current = Count("sites", filter=Q(sites__valid_until=None))
    return Ngi.objects.select_related("federation").annotate(site_count=current).order_by("name", "pk")


@router.get("/sites", response=Page[SiteOut], summary="Sites")
def list_sites(
    request: HttpRequest, search: Search = "", region: Text = "", country: Text = "",
    certification: Annotated[Certification | None, Query(None)] = None,
    infrastructure: Annotated[Infrastructure | None, Query(None)] = None,
    closed: Closed = False, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """`region` is a name, `country` a code or a name. Sorted by name unless `sort` says otherwise."""
    sites = _kept(_sites(), closed).filter(Q(name__icontains=search) | Q(official_name__icontains=search))
    if region:
        sites = sites.filter(ngi__name=region)
    if country:
        sites = sites.filter(Q(country_code__iexact=country) | Q(country__iexact=country))
    if certification:
        sites = sites.filter(certification=certification)
    if infrastructure:
        sites = sites.filter(infrastructure=infrastructure)
    fields = {"name": "name", "region": "ngi__name", "country": "country", "certification": "certification"}
    return paginate(request, sort(sites, order, fields), limit, offset)


def _sites() -> "QuerySet[Site]":
    return Site.objects.select_related("ngi__federation").order_by("name", "pk")


@router.get("/sites/{key}", response=SiteDetail, summary="One site")
def get_site(request: HttpRequest, key: Key) -> Site:
    """Also where it is closed; `version` is what an edit sends back as `seen`."""
    return get_object_or_404(_sites(), key=key)


@router.patch("/sites/{key}", response=SiteDetail, summary="Edit a site")
def edit_site(request: HttpRequest, key: Key, body: SiteEdit) -> Site:
    """Changes the fields that are sent. 409 where `seen` is older than the site."""
    changes = body.dict(exclude_unset=True, exclude={"reason", "seen"})
    with _conflicts():
        actions.edit_site(
            Actor.of(request, "api"), site=get_object_or_404(_sites(), key=key), changes=changes, reason=body.reason,
            now=timezone.now(), seen=body.seen,
        )  # fmt: skip
    return _sites().get(key=key)


@router.post("/sites/{key}/certification", response=SiteDetail, summary="Change a site's certification")
def change_certification(request: HttpRequest, key: Key, body: CertificationIn) -> Site:
    """One step; `old` is what you believe it to be: 409 where somebody was faster."""
    with _conflicts():
        actions.change_certification(
            Actor.of(request, "api"), site=get_object_or_404(_sites(), key=key), new=body.new, old=body.old,
            reason=body.reason, now=timezone.now(),
        )  # fmt: skip
    return _sites().get(key=key)


@router.get("/services", response=Page[ServiceOut], summary="Services")
def list_services(
    request: HttpRequest, search: Search = "", site: Text = "", region: Text = "", service_type: Text = "",
    in_production: Annotated[bool | None, Query(None)] = None,
    is_monitored: Annotated[bool | None, Query(None)] = None,
    closed: Closed = False, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With their endpoints. `site` is a name or a key. Sorted by host and type unless `sort` says otherwise."""
    services = _kept(_services(), closed).filter(hostname__icontains=search)
    if site:
        services = services.filter(Q(site__name=site) | Q(site__key=site))
    flags = {"in_production": in_production, "is_monitored": is_monitored}
    exact = {"site__ngi__name": region, "service_type__name": service_type}
    services = services.filter(**{name: flag for name, flag in flags.items() if flag is not None})
    services = services.filter(**{name: text for name, text in exact.items() if text})
    fields = {"hostname": "hostname", "service_type": "service_type__name", "site": "site__name"}
    return paginate(request, sort(services, order, fields), limit, offset)


def _services() -> "QuerySet[Service]":
    endpoints = Prefetch("endpoints", Endpoint.objects.current(), to_attr="current_endpoints")
    services = Service.objects.select_related("service_type", "site__ngi").prefetch_related(endpoints)
    return services.order_by("hostname", "service_type__name", "pk")


@router.get("/services/{key}", response=ServiceDetail, summary="One service")
def get_service(request: HttpRequest, key: Key) -> Service:
    """With its endpoints; `version` is what an edit sends back as `seen`."""
    return get_object_or_404(_services(), key=key)


@router.patch("/services/{key}", response=ServiceDetail, summary="Edit a service")
def edit_service(request: HttpRequest, key: Key, body: ServiceEdit) -> Service:
    """Changes the fields that are sent. 409 where `seen` is older than the service."""
    changes = body.dict(exclude_unset=True, exclude={"reason", "seen"})
    with _conflicts():
        actions.edit_service(
            Actor.of(request, "api"), service=get_object_or_404(_services(), key=key), changes=changes,
            reason=body.reason, now=timezone.now(), seen=body.seen,
        )  # fmt: skip
    return _services().get(key=key)


@router.post("/services/{key}/close", response=ServiceDetail, summary="Close a service")
def close_service(request: HttpRequest, key: Key, body: Reason) -> Service:
    """It ends now and stays in history."""
    with _conflicts():
        actions.close_service(
            Actor.of(request, "api"), service=get_object_or_404(_services(), key=key), reason=body.reason,
            now=timezone.now(),
        )  # fmt: skip
    return _services().get(key=key)


@router.get("/service-types", response=Page[ServiceTypeOut], summary="Service types")
def list_service_types(
    request: HttpRequest, search: Search = "", order: Sort = "", limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """With the number of their current services."""
    count = Count("services", filter=Q(services__valid_until=None))
    types = ServiceType.objects.filter(name__icontains=search).annotate(service_count=count).order_by("name")
    return paginate(request, sort(types, order, {"name": "name", "services": "service_count"}), limit, offset)


@router.get("/downtimes", response=Page[DowntimeOut], summary="Downtimes")
def list_downtimes(
    request: HttpRequest, search: Search = "", site: Text = "", service: Text = "", region: Text = "",
    severity: Annotated[Severity | None, Query(None)] = None,
    classification: Annotated[Classification | None, Query(None)] = None,
    state: Annotated[DowntimeState | None, Query(None, description="As of now.")] = None,
    start: When = None, end: When = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest start first. `site` is a name or a key, `service` a key; `start` and `end`: what overlaps that window."""
    downtimes = Downtime.objects.filter(description__icontains=search).filter(_affecting(site, service, region))
    if severity:
        downtimes = downtimes.filter(severity=severity)
    if classification:
        downtimes = downtimes.filter(classification=classification)
    if state:
        downtimes = downtimes.filter(_in_state(state, timezone.now()))
    if start:
        downtimes = downtimes.filter(end__gt=start)
    if end:
        downtimes = downtimes.filter(start__lt=end)
    fields = {"start": "start", "end": "end", "declared_at": "declared_at", "severity": "severity"}
    return paginate(request, sort(with_services(downtimes.order_by("-start", "pk")), order, fields), limit, offset)


def _affecting(site: str, service: str, region: str) -> Q:
    """By subquery: a join would give a downtime once for each of its services."""
    services = Service.objects.all()
    if site:
        services = services.filter(Q(site__name=site) | Q(site__key=site))
    if service:
        services = services.filter(key=service)
    if region:
        services = services.filter(site__ngi__name=region)
    if not (site or service or region):
        return Q()
    return Q(pk__in=Downtime.objects.filter(services__in=services).values("pk"))


def _in_state(state: DowntimeState, now: datetime) -> Q:
    if state is DowntimeState.CANCELLED:
        return Q(cancelled_at__isnull=False)
    return (
        Q(cancelled_at=None)
        & {
            DowntimeState.NOW: Q(start__lte=now, end__gt=now),
            DowntimeState.NEXT: Q(start__gt=now),
            DowntimeState.PAST: Q(end__lte=now),
        }[state]
    )


@router.post("/downtimes", response={201: DowntimeOut}, summary="Declare a downtime")
def declare_downtime(request: HttpRequest, body: DowntimeIn) -> Status[Downtime]:
    """For one service or many, of one site or many; the classification is computed from how early it is declared."""
    services = list(_services().filter(key__in=body.services))
    unknown = sorted(set(body.services) - {service.key for service in services})
    if unknown:
        raise Problem(
            422, "Unknown services", f"no service has the key {', '.join(unknown)}; GET /services lists them",
            errors=[{"field": "services", "problem": f"unknown key {key}", "remedy": "correct it"} for key in unknown],
        )  # fmt: skip
    downtime = actions.declare_downtime(
        Actor.of(request, "api"), services=services, severity=body.severity, start=body.start, end=body.end,
        description=body.description, now=timezone.now(),
    )  # fmt: skip
    return Status(201, _downtime(downtime.key))


@router.get("/downtimes/{key}", response=DowntimeOut, summary="One downtime")
def get_downtime(request: HttpRequest, key: Key) -> Downtime:
    """With the services that it affects."""
    return _downtime(key)


@router.post("/downtimes/{key}/end", response=DowntimeOut, summary="End a running downtime")
def end_downtime(request: HttpRequest, key: Key, body: Reason) -> Downtime:
    """It ends a minute from now."""
    actions.end_downtime_now(Actor.of(request, "api"), downtime=_downtime(key), reason=body.reason, now=timezone.now())
    return _downtime(key)


@router.post("/downtimes/{key}/cancel", response=DowntimeOut, summary="Cancel a downtime that has not begun")
def cancel_downtime(request: HttpRequest, key: Key, body: Reason) -> Downtime:
    """It stays readable as cancelled, for others have planned by it."""
    actions.cancel_downtime(Actor.of(request, "api"), downtime=_downtime(key), reason=body.reason, now=timezone.now())
    return _downtime(key)


def _downtime(key: str) -> Downtime:
    return get_object_or_404(with_services(Downtime.objects.all()), key=key)


def _kept(rows: Any, closed: bool) -> Any:
    return rows if closed else rows.filter(valid_until=None)


@contextmanager
def _conflicts() -> Iterator[None]:
    """Somebody else was faster: 409, where another refusal of the values is 422."""
    try:
        yield
    except ValidationError as error:
        if getattr(error, "code", None) == "conflict":
            raise Problem(409, "Somebody was faster", " ".join(error.messages)) from error
        raise
