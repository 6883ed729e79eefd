"""Service types and scopes over the API: the words that other objects use."""

from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.decorators import decorate_view

from gridkeeper.registry import federation_actions, scope_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Reason, ScopeAdd, ScopeEdit, ServiceTypeAdd, ServiceTypeEdit
from gridkeeper.registry.api_parameters import ChangedSince, Closed, Key, Search, Sort, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import ScopeOut, ServiceTypeOut
from gridkeeper.registry.models import Scope, Service, ServiceType
from gridkeeper.registry.queries import count_of
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["service types and scopes"])
_Flag = Annotated[bool | None, Query(None)]


def _service_types() -> "QuerySet[ServiceType]":
    types = ServiceType.objects.annotate(service_count=count_of(Service.objects.current(), "service_type"))
    return with_version(types).order_by("name")


def _scopes() -> "QuerySet[Scope]":
    return with_version(Scope.objects.order_by("name", "pk"))


SERVICE_TYPES = Resource("service_type", ServiceType, _service_types, ServiceTypeOut, key="name")
SCOPES = Resource("scope", Scope, _scopes, ScopeOut)


@router.get("/service-types", response=ChangesPage[ServiceTypeOut], summary="Service types")
@decorate_view(conditional)
def list_service_types(
    request: HttpRequest, search: Search = "", has_monitoring_exception: _Flag = None,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With the number of their current services."""
    types = _service_types().filter(name__icontains=search)
    return listed(
        request, SERVICE_TYPES, types.filter(**exact(has_monitoring_exception=has_monitoring_exception)), closed=True,
        changed_since=changed_since, order=order, fields={"name": "name", "services": "service_count"}, limit=limit,
        offset=offset,
    )  # fmt: skip


@router.get("/service-types/{key}", response=ServiceTypeOut, summary="One service type")
@decorate_view(conditional)
def get_service_type(request: HttpRequest, key: Key) -> ServiceType:
    """By its name."""
    return SERVICE_TYPES.note(request, SERVICE_TYPES.find(key))


@change(router, "POST", "/service-types", SERVICE_TYPES, "add", summary="Add a service type", status=201)
def add_service_type(call: Call, body: ServiceTypeAdd) -> ServiceType:
    """By the operator of the installation."""
    return federation_actions.add_service_type(call.actor, values=body.values(), reason=body.reason, now=call.now)


@change(router, "PATCH", "/service-types/{key}", SERVICE_TYPES, "edit", summary="Edit a service type")
def edit_service_type(call: Call, service_type: ServiceType, body: ServiceTypeEdit) -> ServiceType:
    """Changes the fields that are sent; the name stays, for series are named by it."""
    return federation_actions.edit_service_type(
        call.actor, service_type=service_type, changes=body.values(), reason=body.reason, now=call.now,
        seen=call.seen,
    )  # fmt: skip


@router.get("/scopes", response=ChangesPage[ScopeOut], summary="Scopes")
@decorate_view(conditional)
def list_scopes(
    request: HttpRequest, search: Search = "", is_reserved: _Flag = None, closed: Closed = False,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """The tags that regions, sites, services and service groups may bear."""
    scopes = _scopes().filter(name__icontains=search, **exact(is_reserved=is_reserved))
    return listed(
        request, SCOPES, scopes, closed=closed, changed_since=changed_since, order=order, fields={"name": "name"},
        limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/scopes/{key}", response=ScopeOut, summary="One scope")
@decorate_view(conditional)
def get_scope(request: HttpRequest, key: Key) -> Scope:
    """Also where it is closed."""
    return SCOPES.note(request, SCOPES.find(key))


@change(router, "POST", "/scopes", SCOPES, "add", summary="Add a scope", status=201)
def add_scope(call: Call, body: ScopeAdd) -> Scope:
    """By the operator of the installation."""
    return scope_actions.add_scope(call.actor, values=body.values(), reason=body.reason, now=call.now)


@change(router, "PATCH", "/scopes/{key}", SCOPES, "edit", summary="Edit a scope")
def edit_scope(call: Call, scope: Scope, body: ScopeEdit) -> Scope:
    """Changes the fields that are sent; the name stays, for objects bear it."""
    return scope_actions.edit_scope(
        call.actor, scope=scope, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/scopes/{key}/close", SCOPES, "close", summary="Close a scope")
def close_scope(call: Call, scope: Scope, body: Reason) -> Scope:
    """Refused while an object bears it."""
    return scope_actions.close_scope(call.actor, scope=scope, reason=body.reason, now=call.now, seen=call.seen)
