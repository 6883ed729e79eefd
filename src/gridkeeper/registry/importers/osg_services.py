"""Services of an OSG topology: resource x service -> service, where (type, hostname) is unique."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gridkeeper.registry.importers.osg_source import Group, Resource, text_of
from gridkeeper.registry.importers.records import EndpointRecord, ServiceRecord, ServiceRef
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.yaml_lines import Fields

#: Keys under which a service's details may hold an address, the best first.
_ADDRESS_KEYS = ("uri_override", "endpoint", "endpoint_override", "auth_endpoint_override", "sam_uri")
#: Of these, the ones whose host is the service's own where it differs from the FQDN.
_HOST_KEYS = ("uri_override", "endpoint")
#: AllowedVOs words that name no VO.
_ANY_VO = ("ANY", "ANY_PUBLIC")
_HOSTNAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\Z")


@dataclass
class Services:
    """Turns the resources of groups into services; `made` holds them by type and host."""

    report: Report
    known_vos: set[str]
    made: dict[ServiceRef, ServiceRecord] = field(default_factory=dict)

    def register(self, groups: Iterable[Group]) -> list[ServiceRecord]:
        """Active resources first, so that the live one keeps the place of two that claim it."""
        resources = [resource for group in groups for resource in group.resources]
        for resource in sorted(resources, key=lambda resource: not resource.is_active):
            vos = self._supported(resource)
            for service_type, data in resource.data["Services"].items():
                self.report.count("service", "read")
                self._service(resource, service_type, data if isinstance(data, Fields) else Fields(0), vos)
        return list(self.made.values())

    def _service(self, resource: Resource, service_type: str, data: Fields, vos: tuple[str, ...]) -> None:
        place = Place(resource.path, resource.data["Services"].line_of(service_type))
        addresses = self._addresses(resource, service_type, data, place)
        host = self._host(resource, service_type, addresses, place)
        if host is None:
            return
        ref = ServiceRef(service_type, host)
        resource.services[service_type] = ref
        endpoints = tuple(
            EndpointRecord(
                place=place, name=key, fields={"url": url, "interface_name": service_type, "is_monitored": False}
            )
            for key, url in addresses.items()
        )
        record = ServiceRecord(
            place=place,
            name=f"{resource.name} {service_type}",
            ref=ServiceRef(service_type, host, resource.group),
            endpoints=endpoints,
            vos=vos,
            fields=_service_fields(resource, data, addresses),
        )
        self.made[ref] = self._merged(self.made[ref], record, resource) if ref in self.made else record

    def _merged(self, first: ServiceRecord, second: ServiceRecord, resource: Resource) -> ServiceRecord:
        """(type, hostname) belongs to one site: the second resource becomes an endpoint of the first's service."""
        self.report.find(
            "repaired", "service", second.place, second.name,
            f"the same service type on the same host stands under {first.name} of {first.ref.site} "
            f"({first.place}); kept there, this resource became an endpoint of it",
            "register the service under one resource", field="FQDN", value=second.ref,
        )  # fmt: skip
        url = str(second.fields["url"]) or second.ref.hostname
        # What OSG's programs are told of the second resource (gridkeeper.feeds) is made of these properties.
        kept = second.fields["properties"] | {"resource group": resource.group, "Active": text_of(resource.is_active)}
        fields = {"url": url, "interface_name": second.ref.service_type, "is_monitored": False, "properties": kept}
        extra = EndpointRecord(place=second.place, name=f"resource {resource.name}", fields=fields)
        merged = {**first.fields, "in_production": first.fields["in_production"] or second.fields["in_production"]}
        return ServiceRecord(
            place=first.place,
            name=first.name,
            ref=first.ref,
            endpoints=(*first.endpoints, extra),
            vos=tuple(dict.fromkeys((*first.vos, *second.vos))),
            fields=merged,
        )

    def _addresses(self, resource: Resource, service_type: str, data: Fields, place: Place) -> dict[str, str]:
        details = data.get("Details")
        if isinstance(details, str) and details.startswith("endpoint:"):
            self.report.find(
                "repaired", "service", place, f"{resource.name} {service_type}",
                "Details is one word, not a mapping; the space after the colon is missing", "write `endpoint: HOST`",
                field="Details", value=details,
            )  # fmt: skip
            details = {"endpoint": details.removeprefix("endpoint:")}
        sources = [part for part in (details, data) if isinstance(part, dict)]
        found = {key: text_of(part[key]) for key in _ADDRESS_KEYS for part in sources if part.get(key)}
        return {
            key: value for key, value in found.items() if self._is_address(resource, service_type, key, value, place)
        }

    def _is_address(self, resource: Resource, service_type: str, key: str, value: str, place: Place) -> bool:
        if host_of(value):
            return True
        self.report.find(
            "repaired", "service", place, f"{resource.name} {service_type}",
            "is no address of a host; left out", "write HOST, HOST:PORT or a URL", field=key, value=value,
        )  # fmt: skip
        return False

    def _host(self, resource: Resource, service_type: str, addresses: dict[str, str], place: Place) -> str | None:
        host = next((host_of(addresses[key]) for key in _HOST_KEYS if key in addresses), "") or resource.fqdn
        if host and _HOSTNAME.match(host):
            return host
        self.report.find(
            "rejected", "service", place, f"{resource.name} {service_type}", "has no valid host name",
            "give the resource an FQDN", field="FQDN", value=host, raw=resource.raw,
        )  # fmt: skip
        return None

    def _supported(self, resource: Resource) -> tuple[str, ...]:
        allowed = resource.data.get("AllowedVOs")
        words = [text_of(word) for word in allowed] if isinstance(allowed, list) else []
        place = Place(resource.path, resource.data.line_of("AllowedVOs"))
        for word in words:
            if word in _ANY_VO:
                self.report.figure(f"resources that allow {word}")
            elif word not in self.known_vos:
                self.report.find(
                    "rejected", "VO support", place, f"{resource.name}: {word}", "there is no VO of that name",
                    "add virtual-organizations/NAME.yaml or correct the name", field="AllowedVOs", value=word,
                    raw=resource.raw,
                )  # fmt: skip
        return tuple(dict.fromkeys(word for word in words if word in self.known_vos))


def host_of(address: str) -> str:
    """The host of `HOST`, `HOST:PORT` or a URL; "" where there is none (a mail address has none).

    >>> host_of("se.example.org:8443"), host_of("htcondor://ce.example.org"), host_of("contact@example.org/condor")
    ('se.example.org', 'ce.example.org', '')
    """
    text = address.strip()
    if "@" in text or not text:
        return ""
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return host if _HOSTNAME.match(host) or ":" in host else ""


def _service_fields(resource: Resource, data: Fields, addresses: dict[str, str]) -> dict[str, Any]:
    found = data.get("Details")
    details = found if isinstance(found, Fields) else Fields(data.line)
    monitored = details.get("Monitored", data.get("Monitored", True))
    url = next((addresses[key] for key in _ADDRESS_KEYS if key in addresses), "")
    return {
        "url": url,
        "host_dn": text_of(resource.data.get("DN")),
        "description": text_of(resource.data.get("Description")) or text_of(data.get("Description")),
        "in_production": resource.is_active,
        "is_monitored": resource.is_active and monitored is not False,
        "properties": _properties(resource, details) | _own_description(resource, data),
    }


def _own_description(resource: Resource, data: Fields) -> dict[str, str]:
    """A service has one description here: its resource's where that has one; then its own is kept beside."""
    own = text_of(data.get("Description"))
    return {"service description": own} if own and text_of(resource.data.get("Description")) else {}


def _properties(resource: Resource, details: dict[str, Any]) -> dict[str, Any]:
    """GOCDB's extensions are words to words; nested values are written as `key.inner`."""
    properties: dict[str, Any] = {"resource": resource.name, "FQDN": resource.fqdn}
    if resource.data.get("ID") is not None:
        properties["resource ID"] = text_of(resource.data["ID"])
    if details.get("hidden") is True:
        properties["hidden"] = "true"
    for key in ("Tags", "AllowedVOs", "FQDNAliases"):
        words = resource.data.get(key)
        if isinstance(words, list) and words:
            properties[key] = ", ".join(text_of(word) for word in words)
    for key in ("VOOwnership", "WLCGInformation"):
        inner = resource.data.get(key)
        if isinstance(inner, dict):
            properties |= {f"{key}.{name}": text_of(value) for name, value in inner.items() if value is not None}
    return properties | dict(_contacts(resource))


def _contacts(resource: Resource) -> Iterator[tuple[str, str]]:
    """ContactLists: kind of contact -> rank -> name and number; OSG publishes the names, never the addresses."""
    lists = resource.data.get("ContactLists")
    for kind, ranks in lists.items() if isinstance(lists, dict) else ():
        for rank, person in ranks.items() if isinstance(ranks, dict) else ():
            if isinstance(person, dict) and text_of(person.get("Name")):
                yield f"ContactLists.{kind}.{rank}", text_of(person["Name"])
                if text_of(person.get("ID")):
                    yield f"ContactLists.{kind}.{rank}.ID", text_of(person["ID"])
