"""Objects that a body names by key: found, or refused by field."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Manager, Model, QuerySet

from gridkeeper.registry.models import Endpoint, Federation, Ngi, Service, ServiceGroup, ServiceType, Site
from gridkeeper.web.problems import Problem

_M = TypeVar("_M", bound=Model)


def federation_of(key: str) -> Federation:
    """Raises Problem 422."""
    return _named(Federation.objects, "federation", "/federations", key=key)


def region_of(key: str) -> Ngi:
    """Raises Problem 422."""
    return _named(Ngi.objects.select_related("federation"), "region", "/regions", key=key)


def site_of(key: str) -> Site:
    """Raises Problem 422."""
    return _named(Site.objects.select_related("ngi__federation"), "site", "/sites", key=key)


def service_group_of(key: str) -> ServiceGroup:
    """Raises Problem 422."""
    return _named(ServiceGroup.objects, "service_group", "/service-groups", key=key)


def service_of(key: str) -> Service:
    """Raises Problem 422."""
    services = Service.objects.select_related("service_type", "site__ngi__federation")
    return _named(services, "service", "/services", key=key)


def service_type_of(name: str) -> ServiceType:
    """Raises Problem 422."""
    return _named(ServiceType.objects, "service_type", "/service-types", name=name)


def _named(rows: "Manager[_M] | QuerySet[_M]", field: str, where: str, **by: str) -> _M:
    found: _M | None = rows.filter(**by).first()
    if found is None:
        raise unknown(field, where, list(by.values()))
    return found


def services_of(keys: Sequence[str], field: str = "services") -> list[Service]:
    """The services of those keys, in that order, each once. Raises Problem 422 naming the unknown ones."""
    services = Service.objects.select_related("service_type", "site__ngi__federation").filter(key__in=keys)
    return _all_of(keys, {each.key: each for each in services}, field, "/services")


def endpoints_of(keys: Sequence[str]) -> list[Endpoint]:
    """The endpoints of those keys, in that order, each once. Raises Problem 422 naming the unknown ones."""
    found = {each.key: each for each in Endpoint.objects.filter(key__in=keys)}
    return _all_of(keys, found, "endpoints", "/endpoints")


def _all_of(keys: Sequence[str], found: dict[str, Any], field: str, where: str) -> list[Any]:
    if missing := sorted(set(keys) - set(found)):
        raise unknown(field, where, missing)
    return [found[key] for key in dict.fromkeys(keys)]


def unknown(field: str, where: str, keys: Sequence[str]) -> Problem:
    """What is named does not exist."""
    word = field.replace("_", " ")
    errors = [{"field": field, "problem": f"unknown: {key[:100]}", "remedy": "correct it"} for key in keys]
    named = ", ".join(key[:100] for key in keys[:10])
    return Problem(422, f"Unknown {word}", f"there is no {word} {named}; GET {where} lists them", errors=errors)
