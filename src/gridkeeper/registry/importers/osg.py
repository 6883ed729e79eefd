"""The OSG topology (github.com/opensciencegrid/topology) as records; mapping: registry.md section 6.

Resource group -> site, OSG site -> location, facility -> organisation, support centre -> region, resource x service ->
service. Downtimes are read by `osg_downtimes`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from gridkeeper.registry.importers.archive import SourceFile, read_tree
from gridkeeper.registry.importers.countries import country_of
from gridkeeper.registry.importers.osg_downtimes import Downtimes
from gridkeeper.registry.importers.osg_services import Services
from gridkeeper.registry.importers.osg_source import Group, Reader, Resource, text_of
from gridkeeper.registry.importers.records import (
    NgiRecord,
    Records,
    ServiceTypeRecord,
    SiteRecord,
    VoRecord,
)
from gridkeeper.registry.importers.report import Place, Report, UnreadableSourceError
from gridkeeper.registry.importers.yaml_lines import Fields
from gridkeeper.registry.models import Certification, Infrastructure

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
        self.records.services.extend(Services(self.report, self.known_vos).register(self.groups.values()))
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
                    fields={"description": _about_centre(data), "support_unit": name},
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
                "properties": _site_properties(details) | self._facility(group),
            },
        )

    def _site_details(self, folder: str) -> Fields:
        """SITE.yaml of a folder, read once for all its groups."""
        if folder not in self.details:
            self.details[folder] = self._document(f"{folder}/SITE.yaml", "site") or Fields(0)
        return self.details[folder]

    def _facility(self, group: Group) -> dict[str, str]:
        """Numbers of the facility, by which accounting and the list of institutions know it."""
        path = f"{group.path.rsplit('/', 2)[0]}/FACILITY.yaml"
        if path not in self.details:
            self.details[path] = self._document(path, "site") or Fields(0)
        data = self.details[path]
        return {
            f"OSG facility {key}": text_of(data[key]) for key in ("ID", "InstitutionID") if data.get(key) is not None
        }

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


def _about_centre(data: Fields) -> str:
    """A support centre in words: a region has a description, and OSG's entries have more to say."""
    lines = [text_of(data.get("Description"))]
    for key in ("LongName", "Community"):
        if (text := text_of(data.get(key))) and text not in lines:
            lines.append(text)
    contacts = data.get("Contacts")
    for kind, people in contacts.items() if isinstance(contacts, dict) else ():
        names = [text_of(person.get("Name")) for person in people if isinstance(person, dict)] if people else []
        if any(names):
            lines.append(f"{kind}: {', '.join(filter(None, names))}")
    return "\n".join(filter(None, lines))


def _site_properties(details: Fields) -> dict[str, str]:
    wanted = ("AddressLine1", "AddressLine2", "City", "State", "Zipcode", "Description", "ID")
    return {f"OSG site {key}": text_of(details[key]) for key in wanted if details.get(key) is not None}
