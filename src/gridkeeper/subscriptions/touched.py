"""What an event touches: names as `Subscription.about` writes them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model

from gridkeeper.registry.models import (
    Downtime,
    Federation,
    Ngi,
    RoleGrant,
    RoleRequest,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)
from gridkeeper.vos.models import Vo, VoSupport

#: First word of a name -> the model whose key, or whose name, follows.
BY_KEY: dict[str, Any] = {
    "federation": Federation, "ngi": Ngi, "site": Site, "service": Service, "service_group": ServiceGroup,
}  # fmt: skip
BY_NAME: dict[str, Any] = {"service_type": ServiceType, "vo": Vo}


def touched_by(subject: Model) -> list[str]:
    """The object, what it lies below, and for services their types, groups and VOs."""
    if isinstance(subject, Downtime):
        return touched_by_services(Service.objects.filter(affected_by__downtime=subject))
    if isinstance(subject, Service):
        return touched_by_services(Service.objects.filter(pk=subject.pk))
    if isinstance(subject, RoleGrant | RoleRequest):
        return touched_by(subject.on)
    return sorted(subject.lineage()) if hasattr(subject, "lineage") else []


def touched_by_services(services: Iterable[Service]) -> list[str]:
    """The same of several services: four queries."""
    found: set[str] = set()
    chosen = Service.objects.filter(pk__in=[service.pk for service in services])
    for service in chosen.select_related("service_type", "site__ngi__federation"):
        found |= {*service.lineage(), f"service_type:{service.service_type.name}"}
    support = VoSupport.objects.current().filter(service__in=chosen)
    found |= {f"vo:{name}" for name in support.values_list("vo__name", flat=True).distinct()}
    members = ServiceGroupMember.objects.current().filter(service__in=chosen)
    found |= {f"service_group:{key}" for key in members.values_list("group__key", flat=True).distinct()}
    return sorted(found)
