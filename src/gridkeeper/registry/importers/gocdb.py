"""GOCDB's XML as records: answers of its programmatic interface, and its sample layout (registry.md section 5).

What a file holds is told by its elements, never by its name. Records are the same whatever the order of the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gridkeeper.registry.importers.gocdb_downtimes import read_downtime
from gridkeeper.registry.importers.gocdb_fields import Item, chosen
from gridkeeper.registry.importers.records import (
    CertificationRecord,
    EndpointRecord,
    NgiRecord,
    Record,
    Records,
    ServiceRecord,
    ServiceRef,
    ServiceTypeRecord,
    SiteRecord,
)
from gridkeeper.registry.importers.report import Place, Report, UnreadableSourceError
from gridkeeper.registry.importers.times import TimeProblemError, parse_epoch, parse_oracle
from gridkeeper.registry.importers.xml_lines import Element, line_of, parse_xml, read_xml
from gridkeeper.registry.models import Certification, Infrastructure

_REASON_LIMIT = 300

#: Elements that hold what this registry does not keep: what they are, in words.
_NOT_USED = {
    "SERVICE_GROUP": "service groups",
    "EGEE_USER": "users and their roles (give roles on the pages of sites and regions)",
    "tag": "list of scopes (a scope is kept with the objects that bear it)",
    "certification_status": "list of certification statuses (they are fixed)",
    "CONTACT": "contacts",
    "ROC": "lists of regions without their data (import get_ngi)",
    "SUBGRID": "lists of subgrids (a subgrid is kept with its sites)",
    "Project": "contacts of projects",
}
_GROUPS = {"Country": "list of countries", "PRODUCTION_STATUS": "list of infrastructures (they are fixed)"}


@dataclass
class Document:
    """One file: its path as given, and its root."""

    path: str
    root: Element
    is_page: bool = False


@dataclass
class Gocdb:
    """All files of one call as records, in the order in which they depend on each other."""

    report: Report
    records: Records = field(default_factory=Records)
    documents: list[Document] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Reads one file. Raises UnreadableSourceError for what is no XML, or is GOCDB's own error message."""
        root = parse_xml(read_xml(path), str(path))
        self.add_root(str(path), root)

    def add_root(self, path: str, root: Element) -> None:
        if root.tag == "error" or (root.tag == "results" and len(root) and root[0].tag == "error"):
            text = " ".join("".join(str(part) for part in root.itertext()).split())
            raise UnreadableSourceError(f"{path}: is GOCDB's answer to a wrong question: {text:.300}; fetch it again")
        self.documents.append(Document(path, root, is_page=any(child.tag == "meta" for child in root)))

    def parse(self, advance: Callable[[str], None] = lambda _: None) -> Records:
        for document in self.documents:
            advance(document.path)
            self._document(document)
        self._same_keys()
        return self.records

    def origin_of(self, record: Record) -> str:
        return _origin(record.place.file)

    @property
    def closing_origins(self) -> tuple[str, ...]:
        """Files that tell all they know: a page of a longer answer does not."""
        return tuple(_origin(document.path) for document in self.documents if not document.is_page)

    def _document(self, document: Document) -> None:
        if document.root.tag == "{http://goc.egi.eu/2015/03/spec1.0_r1}RoleActionMappingRules":
            self._not_used(document, "map of roles and actions (ours is part of the program)", 1)
            return
        if document.root.tag == "root" and all(child.tag == "name" for child in document.root):
            self._not_used(document, "list of time zones (they come with this machine)", len(document.root))
            return
        unused: dict[str, int] = {}
        for element in document.root:
            self._element(document, element, unused)
        for what, count in unused.items():
            self._not_used(document, what, count)
        if not len(document.root):
            self._not_used(document, "nothing", 0)

    def _element(self, document: Document, element: Element, unused: dict[str, int]) -> None:
        tag = str(element.tag)
        reader = _READERS.get(tag)
        if reader is not None:
            kind, read = reader
            self.report.count(kind, "read")
            read(self, Item(self.report, kind, document.path, element))
            return
        if tag == "meta":
            return
        what = _NOT_USED.get(tag) or _group(element) or f"elements <{tag}>, which are no part of GOCDB that we know"
        unused[what] = unused.get(what, 0) + 1

    def _not_used(self, document: Document, what: str, count: int) -> None:
        self.report.figure("elements not used", count)
        self.report.find(
            "note", "file", Place(document.path, line_of(document.root)), Path(document.path).name,
            f"not used: this registry keeps no {what}; nothing was changed" if count else f"holds {what}",
            "nothing to do", value=count,
        )  # fmt: skip

    def ngi(self, item: Item) -> None:
        name = item.text("NAME") or item.element.get("NAME") or ""
        item = item.named(name)
        if not name:
            return item.rejected("NAME", "", "has no name", "give it a NAME")
        fields = {
            "description": item.word("DESCRIPTION"),
            "email": item.word("EMAIL"),
            "rod_email": item.word("ROD_EMAIL"),
            "helpdesk_email": item.word("HELPDESK_EMAIL"),
            "security_email": item.word("SECURITY_EMAIL"),
            "support_unit": item.word("GGUS_SU"),
            "scopes": item.scopes(),
        }
        self.records.ngis.append(NgiRecord(place=item.place, name=name, key=_key(item), raw=item.raw, fields=fields))
        return None

    def site(self, item: Item) -> None:
        """The name is SHORT_NAME, by which services and downtimes call their site; in the PI, NAME is the same."""
        attribute, short = item.element.get("NAME") or "", item.text("SHORT_NAME")
        item = item.named(short or attribute)
        if not item.name:
            return item.rejected("SHORT_NAME", "", "has no name", "give it a SHORT_NAME")
        if attribute and short and attribute != short:
            item.repaired(
                "NAME", attribute, "the attribute NAME is another than SHORT_NAME, by which its services name it; "
                "SHORT_NAME was taken", "make both the same",
            )  # fmt: skip
        region = item.text("ROC")
        if not region:
            return item.rejected("ROC", "", "names no region", "give it a ROC")
        self.records.sites.append(
            SiteRecord(
                place=item.place, name=item.name, key=_key(item), raw=item.raw, ngi=region, fields=_site_fields(item)
            )
        )
        return None

    def service_type(self, item: Item) -> None:
        name = item.text("SERVICE_TYPE_NAME")
        item = item.named(name)
        if not name:
            return item.rejected("SERVICE_TYPE_NAME", "", "has no name", "give it a name")
        fields = {"description": item.text("SERVICE_TYPE_DESC")}
        self.records.service_types.append(
            ServiceTypeRecord(place=item.place, name=name, key=_key(item), raw=item.raw, fields=fields)
        )
        return None

    def service(self, item: Item) -> None:
        ref = ServiceRef(item.text("SERVICE_TYPE"), item.text("HOSTNAME"), item.text("SITENAME"))
        item = item.named(str(ref))
        for tag, value in (("HOSTNAME", ref.hostname), ("SERVICE_TYPE", ref.service_type), ("SITENAME", ref.site)):
            if not value:
                return item.rejected(tag, "", f"has no {tag}", "every service has a type, a host and a site")
        self.records.services.append(
            ServiceRecord(
                place=item.place,
                name=item.name,
                key=_key(item),
                raw=item.raw,
                ref=ref,
                endpoints=tuple(_endpoints(item)),
                fields=_service_fields(item),
            )
        )
        return None

    def downtime(self, item: Item) -> None:
        read_downtime(item, self.records)

    def certification_change(self, item: Item) -> None:
        site, new = item.text("SITE"), item.text("NEW_STATUS")
        item = item.named(f"{site}: {item.text('OLD_STATUS')} -> {new}")
        if new not in Certification.values:
            return item.rejected(
                "NEW_STATUS", new, "is no certification status", f"use {', '.join(Certification.values)}"
            )
        try:
            moment = parse_epoch(item.text("UNIX_TIME")) if item.text("UNIX_TIME") else parse_oracle(item.text("TIME"))
        except TimeProblemError as error:
            return item.rejected(
                "UNIX_TIME", item.text("UNIX_TIME") or item.text("TIME"), str(error), "correct the time"
            )
        reason = item.text("COMMENT")
        if len(reason) > _REASON_LIMIT:
            item.repaired("COMMENT", reason, f"was cut to {_REASON_LIMIT} characters", "nothing to do")
        old = item.text("OLD_STATUS")
        fields = {
            "old": old[:20],
            "new": new,
            "reason": reason[:_REASON_LIMIT],
            "changed_by": item.text("CHANGED_BY")[:255],
        }
        self.records.certifications.append(
            CertificationRecord(
                place=item.place, name=item.name, raw=item.raw, site=site, changed_at=moment, fields=fields
            )
        )
        return None

    def certification_date(self, item: Item) -> None:
        site = item.text("name")
        item = item.named(site)
        status, text = item.text("cert_status"), item.text("cert_date")
        if status not in Certification.values:
            return item.rejected("cert_status", status, "is no certification status", "correct it in the source")
        try:
            moment = parse_oracle(text)
        except TimeProblemError as error:
            return item.rejected("cert_date", text, str(error), "correct the time")
        self.records.certifications.append(
            CertificationRecord(
                place=item.place, name=site, raw=item.raw, site=site, changed_at=moment, fields={"new": status},
                is_step=False,
            )
        )  # fmt: skip
        return None

    def _same_keys(self) -> None:
        """Service types go by their names; real answers give one PRIMARY_KEY to several of them."""
        first: dict[str, str] = {}
        for record in self.records.service_types:
            if record.key and first.setdefault(record.key, record.name) != record.name:
                self.report.find(
                    "note", "service type", record.place, record.name,
                    "its PRIMARY_KEY is that of another type too; the name decides", "give each its own key",
                    field="PRIMARY_KEY", value=record.key, raw=record.raw,
                )  # fmt: skip


def _origin(path: str) -> str:
    """The same file is the same source, however its path is written."""
    return str(Path(path).resolve())


def _group(element: Element) -> str:
    """What GOCDB's <group> lists: it says so in group_type."""
    names = [(name.text or "") for name in element.iter("Name")] if element.tag == "group" else []
    return next((_GROUPS[name] for name in names if name in _GROUPS), "")


def _key(item: Item) -> str | None:
    """PRIMARY_KEY, the attribute before the element: it is what other systems refer to."""
    attribute = (item.element.get("PRIMARY_KEY") or "").strip()
    inner = item.text("PRIMARY_KEY")
    if attribute and inner and attribute != inner:
        item.repaired(
            "PRIMARY_KEY", inner, f"is another than the attribute PRIMARY_KEY ({attribute}), which was taken",
            "make both the same",
        )  # fmt: skip
    return attribute or inner or None


def _site_fields(item: Item) -> dict[str, object]:
    return {
        "official_name": item.word("OFFICIAL_NAME"),
        "description": item.word("SITE_DESCRIPTION"),
        "home_url": item.word("HOME_URL"),
        "contact_email": item.word("CONTACT_EMAIL"),
        "contact_tel": item.word("CONTACT_TEL"),
        "alarm_email": item.word("ALARM_EMAIL"),
        "csirt_email": item.word("CSIRT_EMAIL"),
        "csirt_tel": item.word("CSIRTTEL") or item.word("CSIRT_TEL"),
        "emergency_tel": item.word("EMERGENCYTEL"),
        "giis_url": item.word("GIIS_URL"),
        "tier": item.word("TIER"),
        "subgrid": item.word("SUBGRID"),
        **item.country(),
        "location": item.word("LOCATION"),
        "timezone": item.timezone(),
        "latitude": item.degrees("LATITUDE", 90),
        "longitude": item.degrees("LONGITUDE", 180),
        "domain": next(iter(item.words("DOMAIN", "DOMAIN_NAME")), ""),
        "ip_range": item.word("SITE_IP") or item.word("IP_RANGE"),
        "ipv6_range": item.word("SITE_IPV6"),
        "infrastructure": item.choice(
            "PRODUCTION_INFRASTRUCTURE", chosen(Infrastructure.values), Infrastructure.TEST.value
        ),
        "certification": item.choice(
            "CERTIFICATION_STATUS", chosen(Certification.values), Certification.CANDIDATE.value
        ),
        "notifications": item.flag("NOTIFICATIONS", default=False),
        "scopes": item.scopes(),
        "properties": item.extensions() | _helpdesk(item),
    }  # fmt: skip


def _helpdesk(item: Item) -> dict[str, str]:
    mail = item.word("HELPDESKEMAIL")
    return {"HELPDESKEMAIL": mail} if mail else {}


def _service_fields(item: Item) -> dict[str, object]:
    in_production = item.flag("IN_PRODUCTION", default=False)
    return {
        "url": item.word("URL"),
        "host_dn": item.word("HOSTDN"),
        "host_ip": item.address("HOST_IP", 4),
        "host_ipv6": item.address("HOST_IPV6", 6),
        "operating_system": item.word("HOST_OS"),
        "architecture": item.word("HOST_ARCH"),
        "description": item.word("DESCRIPTION"),
        "email": item.word("CONTACT_EMAIL"),
        "is_beta": item.flag("BETA", default=False),
        "in_production": in_production,
        "is_monitored": item.flag("NODE_MONITORED", default=in_production),
        "notifications": item.flag("NOTIFICATIONS", default=False),
        "scopes": item.scopes(),
        "properties": item.extensions(),
    }


def _endpoints(service: Item) -> list[EndpointRecord]:
    records = []
    for element in service.children("ENDPOINTS", "ENDPOINT"):
        item = Item(service.report, "endpoint", service.file, element)
        name = item.text("NAME") or item.text("URL") or item.text("ID")
        item = item.named(name)
        if not name:
            item.rejected("NAME", "", "has neither name nor URL", "give it a NAME")
            continue
        fields = {
            "url": item.word("URL"),
            "interface_name": item.word("INTERFACENAME"),
            "email": item.word("CONTACT_EMAIL"),
            "is_monitored": item.flag("ENDPOINT_MONITORED", default=False),
            "properties": item.extensions(),
        }
        records.append(
            EndpointRecord(place=item.place, name=name, key=item.text("ID") or None, raw=item.raw, fields=fields)
        )
    return records


#: Element -> the kind that it counts as, and who reads it.
_READERS: dict[str, tuple[str, Callable[[Gocdb, Item], None]]] = {
    "NGI": ("region", Gocdb.ngi),
    "SITE": ("site", Gocdb.site),
    "SERVICE_TYPE": ("service type", Gocdb.service_type),
    "SERVICE_ENDPOINT": ("service", Gocdb.service),
    "DOWNTIME": ("downtime", Gocdb.downtime),
    "result": ("certification change", Gocdb.certification_change),
    "site": ("certification change", Gocdb.certification_date),
}
