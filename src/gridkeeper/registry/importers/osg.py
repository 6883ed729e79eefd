"""The OSG topology (github.com/opensciencegrid/topology) as records; mapping: registry.md section 6.

Resource group -> site, OSG site -> location, facility -> organisation, support centre -> region, resource x service ->
service. Downtimes are read by `osg_downtimes`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from gridkeeper.registry.importers.archive import SourceFile, read_tree
from gridkeeper.registry.importers.countries import country_of
from gridkeeper.registry.importers.osg_downtimes import Downtimes
from gridkeeper.registry.importers.osg_source import Group, Reader, Resource, text_of
from gridkeeper.registry.importers.records import (
    EndpointRecord,
    NgiRecord,
    Records,
    ServiceRecord,
    ServiceRef,
    ServiceTypeRecord,
    SiteRecord,
    VoRecord,
)
from gridkeeper.registry.importers.report import Place, Report, UnreadableSourceError
from gridkeeper.registry.importers.yaml_lines import Fields
from gridkeeper.registry.models import Certification, Infrastructure

#: Keys under which a service's details may hold an address; the first three tell its host.
_ADDRESS_KEYS = ("uri_override", "endpoint", "endpoint_override", "auth_endpoint_override", "sam_uri")
_HOST_KEYS = ("uri_override", "endpoint")
#: AllowedVOs words that name no VO.
_ANY_VO = ("ANY", "ANY_PUBLIC")
_HOSTNAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\Z")
_NO_DESCRIPTION = "(No resource group description)"


def parse_osg(origin: Path, report: Report, advance: Callable[[str], None] = lambda _: None) -> Records:
    """All records of a topology folder or archive; what does not fit goes into the report.

    Raises UnreadableSourceError where there is no topology at all.
    """
    tree = {_inner(file.path): file for file in read_tree(origin, wanted=(".yaml", ".yml", ".md"))}
    tree = {path: file for path, file in tree.items() if path}
    if not any(path.startswith("topology/") for path in tree):
        raise UnreadableSourceError(
            f"{origin}: holds no folder topology/ with YAML files; give the root of a checkout of the OSG topology"
        )
    return _Topology(tree, report, advance).parse()


def _inner(path: str) -> str:
    """The path from topology/ or virtual-organizations/ on, wherever the archive's top folder lies; "" for others."""
    parts = PurePosixPath(path).parts
    for depth in range(min(2, len(parts))):
        if parts[depth] in ("topology", "virtual-organizations"):
            return "/".join(parts[depth:])
    return ""


@dataclass
class _Topology:
    """One pass over the tree. The order matters: VOs and regions, then groups with resources, then downtimes."""

    tree: dict[str, SourceFile]
    report: Report
    advance: Callable[[str], None]
    records: Records = field(default_factory=Records)
    groups: dict[str, Group] = field(default_factory=dict)
    details: dict[str, Fields] = field(default_factory=dict)
    known_vos: set[str] = field(default_factory=set)
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reader = Reader(self.report)

    def parse(self) -> Records:
        self._service_types()
        self._support_centres()
        self._vos()
        for path in self._paths("topology/*/*/*.yaml"):
            if not path.endswith(("_downtime.yaml", "/SITE.yaml")):
                self._group(path)
        self._figures()
        resources = self._resources_by_name()
        self.records.services.extend(_Services(self.report, self.known_vos).register(self.groups.values()))
        downtimes = Downtimes(self.reader, self.records, self.groups, resources)
        for path in self._paths("topology/*/*/*_downtime.yaml"):
            self.advance(path)
            downtimes.read(path, self.tree[path])
        downtimes.finish()
        return self.records

    def _paths(self, pattern: str) -> Iterator[str]:
        depth = pattern.count("/")
        return (p for p in self.tree if p.count("/") == depth and PurePosixPath(p).match(pattern))

    def _document(self, path: str, kind: str) -> Fields | None:
        file = self.tree.get(path)
        return self.reader.mapping(path, file, kind) if file else None

    def _service_types(self) -> None:
        path = "topology/services.yaml"
        document = self._document(path, "service type") or Fields(0)
        for name, number in document.items():
            self.report.count("service type", "read")
            place = Place(path, document.line_of(name))
            self.records.service_types.append(ServiceTypeRecord(place=place, name=name, key=f"osg-{number}"))

    def _support_centres(self) -> None:
        path = "topology/support-centers.yaml"
        document = self._document(path, "region") or Fields(0)
        for name, item in document.items():
            self.report.count("region", "read")
            data = item if isinstance(item, Fields) else Fields(document.line_of(name))
            place = Place(path, document.line_of(name))
            self.records.ngis.append(
                NgiRecord(
                    place=place,
                    name=name,
                    key=self._key("region", name, place, data.get("ID")),
                    fields={"description": text_of(data.get("Description")), "support_unit": name},
                )
            )

    def _key(self, kind: str, name: str, place: Place, number: Any) -> str | None:
        """OSG's number as key. It is not always there, and not always unique: then the name decides alone."""
        if number is None:
            return None
        first = self.numbers.setdefault((kind, text_of(number)), name)
        if first == name:
            return f"osg-{text_of(number)}"
        self.report.find(
            "repaired", kind, place, name, f"its ID is that of {first} too; this one got a key of our own",
            "give each its own ID", field="ID", value=number,
        )  # fmt: skip
        return None

    def _vos(self) -> None:
        for path in self._paths("virtual-organizations/*"):
            self._vo(path)

    def _vo(self, path: str) -> None:
        stem = PurePosixPath(path).stem
        if not path.endswith(".yaml"):
            return
        self.report.figure("VO files")
        if stem == "REPORTING_GROUPS":
            self.report.find(
                "note", "VO", Place(path), stem, "lists reporting groups and is no VO; not used", "nothing to do"
            )
            return
        data = self._document(path, "VO")
        if data is None:
            return
        self.report.count("VO", "read")
        self.known_vos.add(stem)
        place = Place(path, data.line)
        about = [text_of(data.get(key)) for key in ("AppDescription", "Community")]
        self.records.vos.append(
            VoRecord(
                place=place,
                name=stem,
                key=self._key("VO", stem, place, data.get("ID")),
                is_open=data.get("Disable") is not True,
                fields={
                    "long_name": text_of(data.get("LongName")),
                    "description": "\n\n".join(dict.fromkeys(filter(None, about))),
                    "home_url": text_of(data.get("PrimaryURL")),
                },
            )
        )

    def _group(self, path: str) -> None:
        self.advance(path)
        data = self._document(path, "site")
        if data is None:
            return
        self.report.count("site", "read")
        _, facility, osg_site, _ = PurePosixPath(path).parts
        name = PurePosixPath(path).stem
        group = Group(path, name, facility, osg_site, data, self._resources(path, name, data))
        self.groups[name] = group
        self.records.sites.append(self._site(group))

    def _resources(self, path: str, group: str, data: Fields) -> list[Resource]:
        resources = []
        found = data.get("Resources")
        block = found if isinstance(found, Fields) else Fields(data.line)
        for name, item in block.items():
            if isinstance(item, Fields) and isinstance(item.get("Services"), Fields):
                resources.append(Resource(group, path, name, item))
                continue
            self.report.find(
                "rejected", "service", Place(path, block.line_of(name)), name, "the resource has no Services",
                "write its services under Services, or remove the resource", field="Services",
            )  # fmt: skip
        return resources

    def _site(self, group: Group) -> SiteRecord:
        data, place = group.data, Place(group.path, group.data.line)
        details = self._site_details(group.path.rsplit("/", 1)[0])
        code, country = country_of(text_of(details.get("Country")))
        description = text_of(data.get("GroupDescription"))
        return SiteRecord(
            place=place,
            name=group.name,
            key=self._key("site", group.name, place, data.get("GroupID")),
            ngi=text_of(data.get("SupportCenter")),
            initial={"certification": self._certification(group)},
            fields={
                "description": "" if description == _NO_DESCRIPTION else description,
                "organisation": group.facility,
                "location": group.osg_site,
                "official_name": text_of(details.get("LongName")),
                "country": country,
                "country_code": code,
                "latitude": self._degrees(group, details, "Latitude", 90),
                "longitude": self._degrees(group, details, "Longitude", 180),
                "infrastructure": Infrastructure.PRODUCTION if data.get("Production") is True else Infrastructure.TEST,
                "timezone": "",
                "properties": _site_properties(details),
            },
        )

    def _site_details(self, folder: str) -> Fields:
        """SITE.yaml of a folder, read once for all its groups."""
        if folder not in self.details:
            self.details[folder] = self._document(f"{folder}/SITE.yaml", "site") or Fields(0)
        return self.details[folder]

    def _certification(self, group: Group) -> Certification:
        """OSG has no certification: a site counts as certified unless it is disabled or nothing of it is active."""
        if group.data.get("Disable") is True:
            why = "the resource group is disabled"
        elif not any(resource.is_active for resource in group.resources):
            why = "no resource of the group is active"
        else:
            return Certification.CERTIFIED
        self.report.find(
            "note", "site", Place(group.path, group.data.line_of("Disable")), group.name,
            f"OSG has no certification; {why}, so a new site begins as Uncertified",
            "certify it on its page when it comes back",
        )  # fmt: skip
        return Certification.UNCERTIFIED

    def _degrees(self, group: Group, details: Fields, key: str, limit: int) -> float | None:
        value = details.get(key)
        if value is None:
            return None
        if isinstance(value, (int, float)) and -limit <= value <= limit:
            return float(value)
        path = f"{group.path.rsplit('/', 1)[0]}/SITE.yaml"
        self.report.find(
            "repaired", "site", Place(path, details.line_of(key)), group.name,
            f"is no number between -{limit} and {limit} degrees; left empty", "correct the file",
            field=key, value=value,
        )  # fmt: skip
        return None

    def _resources_by_name(self) -> dict[str, Resource]:
        return {resource.name: resource for group in self.groups.values() for resource in group.resources}

    def _figures(self) -> None:
        """The sums by which the README of a topology is checked, in OSG's words."""
        groups = list(self.groups.values())
        resources = [resource for group in groups for resource in group.resources]
        self.report.figures |= {
            "facilities": sum(1 for path in self.tree if path.endswith("/FACILITY.yaml")),
            "OSG sites": sum(1 for path in self.tree if path.endswith("/SITE.yaml")),
            "resource groups": len(groups),
            "production": sum(group.data.get("Production") is True for group in groups),
            "ITB": sum(group.data.get("Production") is not True for group in groups),
            "resources": len(resources),
            "active resources": sum(resource.is_active for resource in resources),
            "resource services": sum(len(resource.data["Services"]) for resource in resources),
        }


def _site_properties(details: Fields) -> dict[str, str]:
    wanted = ("AddressLine1", "AddressLine2", "City", "State", "Zipcode", "Description", "ID")
    return {f"OSG site {key}": text_of(details[key]) for key in wanted if details.get(key) is not None}


@dataclass
class _Services:
    """Resource x service -> service, where (type, hostname) is unique."""

    report: Report
    known_vos: set[str]
    made: dict[ServiceRef, ServiceRecord] = field(default_factory=dict)

    def register(self, groups: Any) -> list[ServiceRecord]:
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
        fields = {"url": url, "interface_name": second.ref.service_type, "is_monitored": False}
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
        "properties": _properties(resource, details),
    }


def _properties(resource: Resource, details: dict[str, Any]) -> dict[str, Any]:
    """GOCDB's extensions are words to words; nested values are written as `key.inner`."""
    properties: dict[str, Any] = {"resource": resource.name}
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
    return properties
