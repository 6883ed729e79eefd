"""Service groups and their members over the API."""

from typing import Annotated, Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.decorators import decorate_view

from gridkeeper.registry import group_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Members, Reason, ServiceGroupAdd, ServiceGroupEdit
from gridkeeper.registry.api_lookups import services_of
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
from gridkeeper.registry.api_resources import Resource, parts_touched, with_count_of_records
from gridkeeper.registry.api_schemas import ServiceGroupOut
from gridkeeper.registry.api_tags import offer_properties, offer_scopes
from gridkeeper.registry.models import ServiceGroup, ServiceGroupMember
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["service groups"])


def _groups() -> "QuerySet[ServiceGroup]":
    members = ServiceGroupMember.objects.current().select_related("service__service_type", "service__site")
    members = members.order_by("service__hostname", "service__service_type__name", "pk")
    groups = ServiceGroup.objects.prefetch_related(Prefetch("members", members, to_attr="current_members"))
    return with_count_of_records(groups, (ServiceGroupMember, "group_id")).order_by("name", "pk")


GROUPS = Resource(
    "service_group", ServiceGroup, _groups, ServiceGroupOut, is_counted=True,
    touched=(parts_touched(ServiceGroupMember, "group_id"),),
)  # fmt: skip


@router.get("/service-groups", response=ChangesPage[ServiceGroupOut], summary="Service groups")
@decorate_view(conditional)
def list_service_groups(
    request: HttpRequest, search: Search = "", service: Text = "", scope: Scopes = "", scope_match: ScopeMatch = "any",
    is_monitored: Annotated[bool | None, Query(None)] = None,
    property: Properties = [],  # noqa: A002, B006  ninja copies it
    closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With their services. `service` is the key of a member."""
    groups = _groups().filter(bearing(scope, scope_match), having(property), name__icontains=search)
    if service:
        held = ServiceGroupMember.objects.current().filter(service__key=service).values("group")
        groups = groups.filter(pk__in=held)
    return listed(
        request, GROUPS, groups.filter(**exact(is_monitored=is_monitored)), closed=closed,
        changed_since=changed_since, order=order, fields={"name": "name"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/service-groups/{key}", response=ServiceGroupOut, summary="One service group")
@decorate_view(conditional)
def get_service_group(request: HttpRequest, key: Key) -> ServiceGroup:
    """Also where it is closed."""
    return GROUPS.note(request, GROUPS.find(key))


@change(router, "POST", "/service-groups", GROUPS, "add", summary="Add a service group", status=201)
def add_service_group(call: Call, body: ServiceGroupAdd) -> ServiceGroup:
    """Who adds it becomes its administrator. Without `scopes` it bears the default scope."""
    return group_actions.add_service_group(
        call.actor, values=body.values(), reason=body.reason, now=call.now, scopes=body.scopes
    )


@change(router, "PATCH", "/service-groups/{key}", GROUPS, "edit", summary="Edit a service group")
def edit_service_group(call: Call, group: ServiceGroup, body: ServiceGroupEdit) -> ServiceGroup:
    """Changes the fields that are sent."""
    return group_actions.edit_service_group(
        call.actor, group=group, changes=body.values(), reason=body.reason, now=call.now
    )


@change(router, "POST", "/service-groups/{key}/members", GROUPS, "add_members", summary="Add services to a group")
def add_members(call: Call, group: ServiceGroup, body: Members) -> ServiceGroup:
    """All of them, or none."""
    services = services_of(body.services)
    group_actions.add_members(call.actor, group=group, services=services, reason=body.reason, now=call.now)
    return group


@change(
    router, "POST", "/service-groups/{key}/members/remove", GROUPS, "remove_members",
    summary="Take services out of a group",
)  # fmt: skip
def remove_members(call: Call, group: ServiceGroup, body: Members) -> ServiceGroup:
    """All of them, or none."""
    with transaction.atomic():
        for service in services_of(body.services):
            group_actions.remove_member(call.actor, group=group, service=service, reason=body.reason, now=call.now)
    return group


@change(router, "POST", "/service-groups/{key}/close", GROUPS, "close", summary="Close a service group")
def close_service_group(call: Call, group: ServiceGroup, body: Reason) -> ServiceGroup:
    """Its services stay what they are."""
    return group_actions.close_service_group(call.actor, group=group, reason=body.reason, now=call.now)


offer_scopes(router, "/service-groups", GROUPS)
offer_properties(router, "/service-groups", GROUPS)
