"""Services and their endpoints over the API."""

from typing import Annotated, Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.decorators import decorate_view

from gridkeeper.registry import actions, object_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import EndpointAdd, EndpointEdit, Reason, ServiceAdd, ServiceEdit
from gridkeeper.registry.api_lookups import service_of, service_type_of, site_of
from gridkeeper.registry.api_parameters import (
    ChangedSince,
    Closed,
    Key,
    Properties,
    ScopeMatch,
    Scopes,
    Search,
    Sort,
    Text,
    bearing,
    exact,
    having,
    listed,
)
from gridkeeper.registry.api_resources import Resource, parts_touched, with_version
from gridkeeper.registry.api_schemas import EndpointOut, ServiceOut
from gridkeeper.registry.api_tags import offer_properties, offer_scopes
from gridkeeper.registry.models import Certification, Endpoint, Infrastructure, Service
from gridkeeper.registry.object_effects import effects_of_closing_service, effects_of_service_edit
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["services"])
_Flag = Annotated[bool | None, Query(None)]


def _services() -> "QuerySet[Service]":
    endpoints = Prefetch("endpoints", Endpoint.objects.current().order_by("name", "pk"), to_attr="current_endpoints")
    services = Service.objects.select_related("service_type", "site__ngi__federation").prefetch_related(endpoints)
    return with_version(services).order_by("hostname", "service_type__name", "pk")


def _endpoints() -> "QuerySet[Endpoint]":
    endpoints = Endpoint.objects.select_related("service__service_type", "service__site__ngi__federation")
    return with_version(endpoints).order_by("service__hostname", "name", "pk")


SERVICES = Resource(
    "service", Service, _services, ServiceOut, touched=(parts_touched(Endpoint, "service_id"),)
)  # fmt: skip
ENDPOINTS = Resource("endpoint", Endpoint, _endpoints, EndpointOut)


@router.get("/services", response=ChangesPage[ServiceOut], summary="Services")
@decorate_view(conditional)
def list_services(
    request: HttpRequest, search: Search = "", hostname: Text = "", site: Text = "", region: Text = "",
    country: Text = "", service_type: Text = "", service_group: Text = "", vo: Text = "",
    certification: Annotated[Certification | None, Query(None, description="Of its site.")] = None,
    infrastructure: Annotated[Infrastructure | None, Query(None, description="Of its site.")] = None,
    in_production: _Flag = None, is_monitored: _Flag = None, is_beta: _Flag = None,
    scope: Scopes = "", scope_match: ScopeMatch = "any", property: Properties = [],  # noqa: A002, B006  ninja copies it
    closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With their endpoints. `site`, `region` and `service_group` are names or keys. Sorted by host and type.

    Services of closed sites are closed as well; `closed=true` lists them.
    """
    services = _services().filter(bearing(scope, scope_match), having(property), hostname__icontains=search)
    if site:
        services = services.filter(Q(site__name=site) | Q(site__key=site))
    if region:
        services = services.filter(Q(site__ngi__name=region) | Q(site__ngi__key=region))
    if country:
        services = services.filter(Q(site__country_code__iexact=country) | Q(site__country__iexact=country))
    services = services.filter(_in_group(service_group), _for_vo(vo))
    only = {
        "hostname__iexact": hostname, "service_type__name": service_type, "site__certification": certification,
        "site__infrastructure": infrastructure, "in_production": in_production, "is_monitored": is_monitored,
        "is_beta": is_beta,
    }  # fmt: skip
    fields = {
        "hostname": "hostname", "service_type": "service_type__name", "site": "site__name",
        "region": "site__ngi__name", "valid_from": "valid_from",
    }  # fmt: skip
    return listed(
        request, SERVICES, services.filter(**exact(**only)), closed=closed, changed_since=changed_since, order=order,
        fields=fields, limit=limit, offset=offset,
    )  # fmt: skip


def _in_group(group: str) -> Q:
    if not group:
        return Q()
    members = Q(group_memberships__group__name=group) | Q(group_memberships__group__key=group)
    return Q(pk__in=Service.objects.filter(members, group_memberships__valid_until=None).values("pk"))


def _for_vo(vo: str) -> Q:
    """Support of VOs is a later floor's; the way to it is a relation's name."""
    return Q(pk__in=Service.objects.filter(vo_support__vo__name=vo, vo_support__valid_until=None)) if vo else Q()


@router.get("/services/{key}", response=ServiceOut, summary="One service")
@decorate_view(conditional)
def get_service(request: HttpRequest, key: Key) -> Service:
    """With its endpoints; its ETag is what a change sends back as `If-Match`."""
    return SERVICES.note(request, SERVICES.find(key))


@change(router, "POST", "/services", SERVICES, "add", summary="Add a service", status=201)
def add_service(call: Call, body: ServiceAdd) -> Service:
    """A type on a host, which belongs to one site. Without `scopes` it bears the default scope."""
    return object_actions.add_service(
        call.actor, site=site_of(body.site), service_type=service_type_of(body.service_type), hostname=body.hostname,
        values=body.values("site", "service_type", "hostname"), reason=body.reason, now=call.now, scopes=body.scopes,
    )  # fmt: skip


@change(
    router, "PATCH", "/services/{key}", SERVICES, "edit", summary="Edit a service",
    warn=lambda call, service, body: effects_of_service_edit(service, body.values()).consequences,
)  # fmt: skip
def edit_service(call: Call, service: Service, body: ServiceEdit) -> Service:
    """Changes the fields that are sent."""
    return actions.edit_service(
        call.actor, service=service, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(
    router, "POST", "/services/{key}/close", SERVICES, "close", summary="Close a service",
    warn=lambda call, service, body: effects_of_closing_service(service).consequences,
)  # fmt: skip
def close_service(call: Call, service: Service, body: Reason) -> Service:
    """It ends now, with its endpoints, and stays in history."""
    return actions.close_service(call.actor, service=service, reason=body.reason, now=call.now, seen=call.seen)


offer_scopes(router, "/services", SERVICES)
offer_properties(router, "/services", SERVICES)


@router.get("/endpoints", response=ChangesPage[EndpointOut], summary="Endpoints")
@decorate_view(conditional)
def list_endpoints(
    request: HttpRequest, search: Search = "", service: Text = "", site: Text = "", interface_name: Text = "",
    is_monitored: _Flag = None, property: Properties = [],  # noqa: A002, B006  ninja copies it
    closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Addresses of services. `service` is a key, `site` a name or a key. Sorted by host and name."""
    rows = _endpoints().filter(having(property), Q(name__icontains=search) | Q(url__icontains=search))
    if site:
        rows = rows.filter(Q(service__site__name=site) | Q(service__site__key=site))
    only = {"service__key": service, "interface_name": interface_name, "is_monitored": is_monitored}
    fields = {"name": "name", "url": "url", "hostname": "service__hostname"}
    return listed(
        request, ENDPOINTS, rows.filter(**exact(**only)), closed=closed, changed_since=changed_since, order=order,
        fields=fields, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/endpoints/{key}", response=EndpointOut, summary="One endpoint")
@decorate_view(conditional)
def get_endpoint(request: HttpRequest, key: Key) -> Endpoint:
    """Also where it is closed."""
    return ENDPOINTS.note(request, ENDPOINTS.find(key))


@change(router, "POST", "/endpoints", ENDPOINTS, "add", summary="Add an endpoint to a service", status=201)
def add_endpoint(call: Call, body: EndpointAdd) -> Endpoint:
    """A further address of the service."""
    return object_actions.add_endpoint(
        call.actor, service=service_of(body.service), values=body.values("service"), reason=body.reason, now=call.now
    )


@change(router, "PATCH", "/endpoints/{key}", ENDPOINTS, "edit", summary="Edit an endpoint")
def edit_endpoint(call: Call, endpoint: Endpoint, body: EndpointEdit) -> Endpoint:
    """Changes the fields that are sent."""
    return object_actions.edit_endpoint(
        call.actor, endpoint=endpoint, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/endpoints/{key}/close", ENDPOINTS, "close", summary="Close an endpoint")
def close_endpoint(call: Call, endpoint: Endpoint, body: Reason) -> Endpoint:
    """The address is no more."""
    return object_actions.close_endpoint(
        call.actor, endpoint=endpoint, reason=body.reason, now=call.now, seen=call.seen
    )


offer_properties(router, "/endpoints", ENDPOINTS)
