"""Service groups: who is in them, who looks after them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import (
    announce,
    check,
    check_known,
    check_reason,
    close_rows,
    locked,
    set_values,
    store,
    store_new,
)
from gridkeeper.registry.models import RoleGrant, Service, ServiceGroup, ServiceGroupMember
from gridkeeper.registry.scope_actions import new_scopes

GROUP_FIELDS = ("name", "description", "email", "is_monitored")
ADMINISTRATOR = "Service Group Administrator"


def add_service_group(
    actor: Actor, *, values: Mapping[str, Any], reason: str, now: datetime, scopes: Iterable[str] | None = None
) -> ServiceGroup:
    """A new group (GROUP_FIELDS); the person who adds it becomes its administrator.

    Raises NotPermittedError, ValidationError.
    """
    require(actor, "registry.add_service_group")
    check_known(values, GROUP_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        group = ServiceGroup(valid_from=now)
        set_values(group, values)
        check(group, GROUP_FIELDS)
        new_scopes(actor, group, scopes)
        store_new(group)
        if actor.user is not None:
            RoleGrant.objects.create(user=actor.user, role=ADMINISTRATOR, service_group=group)
        announce("service_group.added", group, actor, now, reason=reason)
    return group


def edit_service_group(
    actor: Actor,
    *,
    group: ServiceGroup,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> ServiceGroup:
    """Changes those of GROUP_FIELDS. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_service_group", group)
    check_known(changes, GROUP_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(group, seen)
        changed = set_values(fresh, changes)
        check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("service_group.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def add_member(
    actor: Actor, *, group: ServiceGroup, service: Service, reason: str, now: datetime
) -> ServiceGroupMember:
    """The service is in the group from now on. Raises as `add_members`."""
    return add_members(actor, group=group, services=[service], reason=reason, now=now)[0]


def add_members(
    actor: Actor, *, group: ServiceGroup, services: Iterable[Service], reason: str, now: datetime
) -> list[ServiceGroupMember]:
    """The services are in the group from now on: all of them, or none.

    Raises NotPermittedError, and ValidationError for one that is in it already or closed.
    """
    require(actor, "registry.edit_service_group", group)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(group)
        members = [_member(fresh, service, now) for service in services]
        if members:
            names = [str(each.service) for each in members]
            announce("service_group.members_added", fresh, actor, now, reason=reason, services=names)
    return members


def _member(group: ServiceGroup, service: Service, now: datetime) -> ServiceGroupMember:
    if service.valid_until is not None or service.site.certification == "Closed":
        raise ValidationError({"services": f"{service} is closed; choose a service that exists."})
    if group.members.current().filter(service=service).exists():
        raise ValidationError({"services": f"{service} is in {group} already."})
    member = ServiceGroupMember(group=group, service=service, valid_from=now)
    store_new(member)
    return member


def remove_member(actor: Actor, *, group: ServiceGroup, service: Service, reason: str, now: datetime) -> None:
    """The service is in the group no more. Raises NotPermittedError, and ValidationError where it is not in it."""
    require(actor, "registry.edit_service_group", group)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(group)
        held = list(fresh.members.current().filter(service=service))
        if not held:
            raise ValidationError({"services": f"{service} is not in {group}; somebody may have been faster."})
        close_rows(held, now)
        announce("service_group.member_removed", fresh, actor, now, reason=reason, services=[str(service)])


def close_service_group(
    actor: Actor, *, group: ServiceGroup, reason: str, now: datetime, seen: int | None = None
) -> ServiceGroup:
    """The group is no more; its services stay what they are. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_service_group", group)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(group, seen)
        close_rows([*fresh.members.current(), fresh], now)
        announce("service_group.closed", fresh, actor, now, reason=reason)
    return fresh
