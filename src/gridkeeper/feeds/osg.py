"""Our objects in OSG's words: resource groups with resources with services (registry.md section 6, the other way).

A site is a resource group; its location is the OSG site, its organisation the facility. A service belongs to the
resource that its property `resource` names, else to one named after its host. Numbers are OSG's own where an import
kept them; for objects of other origin they are made from the key, the same for ever.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from django.db.models import Prefetch

from gridkeeper.feeds.osg_filters import OsgFilters
from gridkeeper.registry.models import Certification, Endpoint, Infrastructure, Service, ServiceType, Site
from gridkeeper.registry.queries import services_in_use
from gridkeeper.vos.models import Vo

NO_INFORMATION = "(Information not available)"
NO_DESCRIPTION = "(No resource description)"
NO_GROUP_DESCRIPTION = "(No resource group description)"
_OF_OSG = re.compile(r"osg-(\d{1,9})\Z")
#: Endpoints that an import named after OSG's own words for an address of a service.
_ADDRESSES = ("uri_override", "endpoint", "endpoint_override", "auth_endpoint_override", "sam_uri")


def number_of(key: str, stated: str = "") -> int:
    """OSG's number where it is stated or stands in the key, else one made of the key (31 bits, never 0).

    >>> number_of("osg-23"), number_of("2G0", "1105"), number_of("2G0") == number_of("2G0")
    (23, 1105, True)
    """
    if stated.isdecimal() and len(stated) < 10:
        return int(stated)
    match = _OF_OSG.match(key)
    return int(match[1]) if match else (crc32(key.encode()) & 0x7FFFFFFF) or 1


class ServiceEntry(NamedTuple):
    """A service of a resource. details: OSG's addresses and `hidden`."""

    type_number: int
    type_name: str
    description: str
    details: Mapping[str, str]


@dataclass(slots=True)
class Resource:
    """What runs on one host, as OSG sees it. properties: as imported, of its first service."""

    name: str
    number: int
    fqdn: str
    description: str
    is_active: bool
    properties: Mapping[str, str]
    services: list[ServiceEntry] = field(default_factory=list)

    def inner(self, key: str) -> dict[str, str]:
        """Properties `key.inner` by their inner name."""
        return {
            name.removeprefix(f"{key}."): value for name, value in self.properties.items() if name.startswith(f"{key}.")
        }

    def listed(self, key: str) -> list[str]:
        """The words of a property that holds a list."""
        return [word for word in self.properties.get(key, "").split(", ") if word]


@dataclass(slots=True)
class Group:
    """A resource group."""

    site: Site
    resources: dict[str, Resource] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return number_of(self.site.key)

    @property
    def facility(self) -> tuple[int, str]:
        name = self.site.organisation or self.site.name
        return number_of(f"facility {name}", self.site.properties.get("OSG facility ID", "")), name

    @property
    def osg_site(self) -> tuple[int, str]:
        name = self.site.location or self.site.name
        return number_of(f"site {name}", self.site.properties.get("OSG site ID", "")), name

    @property
    def support_centre(self) -> tuple[int, str]:
        return number_of(self.site.ngi.key), self.site.ngi.name

    @property
    def is_production(self) -> bool:
        return self.site.infrastructure == Infrastructure.PRODUCTION

    @property
    def is_disabled(self) -> bool:
        return self.site.certification == Certification.SUSPENDED


def groups() -> list[Group]:
    """Every resource group that has a resource, by name without regard to case, as OSG sorts them. Three queries."""
    endpoints = Prefetch("endpoints", Endpoint.objects.current())
    services = services_in_use().select_related("service_type", "site__ngi").prefetch_related(endpoints)
    found: dict[str, Group] = {}
    moved: list[tuple[Service, Endpoint]] = []
    for service in services.order_by("hostname", "service_type__name", "pk"):
        group = found.setdefault(service.site.name, Group(service.site))
        _add(group, service, service.properties, _details(service), is_active=service.in_production)
        moved += [(service, each) for each in service.endpoints.all() if "resource group" in each.properties]
    _return(found, moved)
    return sorted(found.values(), key=lambda group: group.site.name.lower())


def _return(found: dict[str, Group], moved: Iterable[tuple[Service, Endpoint]]) -> None:
    """Back to their groups: resources that became endpoints of another's service, for a service has one site."""
    sites = {site.name: site for site in Site.objects.current().select_related("ngi")} if moved else {}
    for service, endpoint in moved:
        name = str(endpoint.properties["resource group"])
        if name not in found and name not in sites:
            continue  # the group was renamed or closed since; its resource went with it
        group = found.setdefault(name, Group(sites[name]) if name in sites else Group(service.site))
        is_active = endpoint.properties.get("Active") != "false"
        _add(group, service, endpoint.properties, {}, is_active=is_active)


def _add(
    group: Group, service: Service, properties: Mapping[str, str], details: Mapping[str, str], *, is_active: bool
) -> None:
    name = properties.get("resource") or service.hostname
    # Where an import found both, the service's own is kept beside the resource's.
    has_both = "service description" in properties
    if name not in group.resources:
        group.resources[name] = Resource(
            name=name,
            number=number_of(f"resource {group.site.key} {name}", properties.get("resource ID", "")),
            fqdn=properties.get("FQDN") or service.hostname,
            description=service.description if has_both else "",
            is_active=is_active,
            properties=properties,
        )
    resource = group.resources[name]
    resource.is_active = resource.is_active or is_active
    kind = service.service_type
    resource.services.append(ServiceEntry(type_number(kind), kind.name, description_of(service, properties), details))


def description_of(service: Service, properties: Mapping[str, str]) -> str:
    """The service's own description, or that of its type."""
    return properties.get("service description") or service.description or service.service_type.description


def type_number(kind: ServiceType) -> int:
    """OSG's number of a service type."""
    return number_of(kind.key or kind.name)


def _details(service: Service) -> dict[str, str]:
    hidden = {"hidden": "True" if service.properties.get("hidden") == "true" else "False"}
    addresses = {each.name: each.url for each in service.endpoints.all() if each.name in _ADDRESSES}
    return hidden | addresses


def chosen(found: Iterable[Group], filters: OsgFilters, vo_names: Mapping[int, str]) -> Iterable[Group]:
    """The groups that fit, each with the resources and services that do; groups left without one are left out."""
    owners = {vo_names[number] for number in filters.numbers.get("voown", ()) if number in vo_names}
    for group in found:
        if not fits(group, filters):
            continue
        kept = [_resource(each, filters, owners) for each in group.resources.values()]
        resources = {each.name: each for each in kept if each is not None}
        if resources:
            yield Group(group.site, dict(sorted(resources.items())))


def fits(group: Group, filters: OsgFilters) -> bool:
    """Whether the filters of groups let it through."""
    wanted = (
        filters.wants("facility", group.facility[0]),
        filters.wants("site", group.osg_site[0]),
        filters.wants("sc", group.support_centre[0]),
        filters.wants("rg", group.number),
        filters.is_production is None or filters.is_production == group.is_production,
    )
    return all(wanted)


def _resource(resource: Resource, filters: OsgFilters, owners: set[str]) -> Resource | None:
    if filters.is_active is not None and filters.is_active != resource.is_active:
        return None
    # Nothing of ours is disabled: what is gone is closed, and closed services stand in no feed.
    if filters.is_disabled:
        return None
    if filters.has_wlcg and not resource.inner("WLCGInformation"):
        return None
    if "voown" in filters.numbers and owners.isdisjoint(resource.inner("VOOwnership")):
        return None
    services = [each for each in resource.services if _service_fits(each, filters)]
    if not services:
        return None
    return Resource(
        resource.name, resource.number, resource.fqdn, resource.description, resource.is_active, resource.properties,
        services,
    )  # fmt: skip


def _service_fits(service: ServiceEntry, filters: OsgFilters) -> bool:
    if not filters.wants("service", service.type_number):
        return False
    return filters.is_hidden is None or filters.is_hidden == (service.details.get("hidden") == "True")


def vo_numbers() -> dict[int, str]:
    """OSG's number -> name of every VO, closed ones too: resources keep their owners."""
    return {number_of(key): name for key, name in Vo.objects.values_list("key", "name")}


def osg_time(moment: datetime) -> str:
    """As OSG writes times, with its 24 hours and AM or PM beside them.

    >>> from datetime import UTC
    >>> osg_time(datetime(2026, 6, 5, 15, 4, tzinfo=UTC))
    'Jun 05, 2026 15:04 PM UTC'
    """
    return moment.strftime("%b %d, %Y %H:%M %p UTC")
