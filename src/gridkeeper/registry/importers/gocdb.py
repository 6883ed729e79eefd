"""GOCDB's XML as records: answers of its programmatic interface, and its sample layout (registry.md section 5).

What a file holds is told by its elements, never by its name. Records are the same whatever the order of the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gridkeeper.registry.importers.gocdb_certification import read_change, read_date
from gridkeeper.registry.importers.gocdb_downtimes import read_downtime
from gridkeeper.registry.importers.gocdb_fields import Item, origin_of_path
from gridkeeper.registry.importers.gocdb_groups import GROUP_KINDS, check_words, read_group, read_project, read_scope
from gridkeeper.registry.importers.gocdb_people import join_people, read_contacts, read_user
from gridkeeper.registry.importers.gocdb_topology import endpoints_of, key_of, service_fields, site_fields
from gridkeeper.registry.importers.records import (
    NgiRecord,
    PartRecord,
    Record,
    Records,
    ServiceRecord,
    ServiceRef,
    ServiceTypeRecord,
    SiteRecord,
)
from gridkeeper.registry.importers.report import Finding, Place, Report, UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import Element, line_of, parse_xml, read_xml

#: Elements that tell nothing that other answers do not tell better: what they are, in words.
_NOT_USED = {
    "SUBGRID": "lists of subgrids (a subgrid is kept with its sites)",
    "Site": "numbers of sites per country (they are counted here)",
}
_SECURITY = {"csirt_email": ("CSIRT_EMAIL",), "csirt_tel": ("CSIRT_TEL",)}
#: What a SITE of get_site_contacts and get_site_security_info holds, besides the name.
_NAMES = {"PRIMARY_KEY", "SHORT_NAME"}


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
    bare_regions: dict[str, NgiRecord] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Reads one file. Raises UnreadableSourceError for what is no XML, or is GOCDB's own error message."""
        root = parse_xml(read_xml(path), str(path))
        self.add_root(str(path), root)

    def add_root(self, path: str, root: Element, *, is_page: bool | None = None) -> None:
        """A document that was read already. `is_page`: part of a longer answer; None: it says so itself."""
        if root.tag == "error" or (root.tag == "results" and len(root) and root[0].tag == "error"):
            text = " ".join("".join(str(part) for part in root.itertext()).split())
            raise UnreadableSourceError(f"{path}: is GOCDB's answer to a wrong question: {text:.300}; fetch it again")
        has_meta = any(child.tag == "meta" for child in root)
        self.documents.append(Document(path, root, has_meta if is_page is None else is_page))

    def parse(self, advance: Callable[[str], None] = lambda _: None) -> Records:
        for document in self.documents:
            advance(document.path)
            self._document(document)
        self._same_keys()
        self._add_bare_regions()
        join_people(self.report, self.records)
        return self.records

    def _add_bare_regions(self) -> None:
        """Regions of which only a list or contacts speak: get_ngi needs an identity, get_roc_list does not."""
        described = {record.name for record in self.records.ngis}
        self.records.ngis.extend(record for name, record in self.bare_regions.items() if name not in described)

    def origin_of(self, record: Record) -> str:
        return origin_of_path(record.place.file)

    @property
    def closing_origins(self) -> tuple[str, ...]:
        """Files that tell all they know: a page of a longer answer does not."""
        return tuple(dict.fromkeys(origin_of_path(each.path) for each in self.documents if not each.is_page))

    def _document(self, document: Document) -> None:
        if document.root.tag == "{http://goc.egi.eu/2015/03/spec1.0_r1}RoleActionMappingRules":
            self._not_used(document, "map of roles and actions (ours is part of the program)", 1)
            return
        if document.root.tag == "root" and all(child.tag == "name" for child in document.root):
            words = [child.text or "" for child in document.root]
            check_words(self.report, Place(document.path, line_of(document.root)), "time zones", words)
            return
        unused: dict[str, int] = {}
        words_of: dict[str, list[str]] = {}
        for element in document.root:
            kind = _kind_of_word(element)
            if kind:
                words_of.setdefault(kind, []).append(element.findtext("name") or "")
            else:
                self._element(document, element, unused)
        for kind, words in words_of.items():
            check_words(self.report, Place(document.path, line_of(document.root)), kind, words)
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
        what = _NOT_USED.get(tag) or f"elements <{tag}>, which are no part of GOCDB that we know"
        unused[what] = unused.get(what, 0) + 1

    def _not_used(self, document: Document, what: str, count: int) -> None:
        if count:
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
        self.records.ngis.append(NgiRecord(place=item.place, name=name, key=key_of(item), raw=item.raw, fields=fields))
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
        told = {str(child.tag) for child in item.element} - _NAMES
        if told <= {"CONTACT"} and len(item.element):
            read_contacts(item, self.records, "site", item.name, key_of(item) or "")
            return None
        if told and told <= {"CSIRT_EMAIL", "CSIRT_TEL"}:
            fields = item.told(_SECURITY)
            self.records.site_parts.append(PartRecord(place=item.place, name=item.name, raw=item.raw, fields=fields))
            return None
        region = item.text("ROC")
        if not len(item.element) and item.element.get("ROC"):
            return self._bare_site(item)
        if not region:
            return item.rejected("ROC", "", "names no region", "give it a ROC")
        self.records.sites.append(
            SiteRecord(
                place=item.place, name=item.name, key=key_of(item), raw=item.raw, ngi=region, fields=site_fields(item)
            )
        )
        return None

    def _bare_site(self, item: Item) -> None:
        """get_site_list tells names and countries alone: enough to know the site by, too little to make it."""
        self.report.figure("sites of a list without their data")
        if not any(finding.kind == "site" and "without their data" in finding.problem for finding in self._notes()):
            self.report.find(
                "note", "site", item.place, item.name, "is of a list of sites without their data; nothing was changed",
                "import get_site",
            )  # fmt: skip

    def _notes(self) -> list[Finding]:
        return self.report.of_level("note")

    def region_contacts(self, item: Item) -> None:
        """ROC of get_roc_contacts and get_roc_list: its name, its address and its people."""
        name = item.element.get("ROC_NAME") or item.text("ROCNAME")
        item = item.named(name)
        if not name:
            return item.rejected("ROC_NAME", "", "the region has no name", "give it a ROC_NAME")
        key = (item.element.get("PRIMARY_KEY") or "").strip()
        fields = {"email": mail} if (mail := item.word("MAIL_CONTACT")) else {}
        self.bare_regions[name] = NgiRecord(place=item.place, name=name, key=key or None, raw=item.raw, fields=fields)
        read_contacts(item, self.records, "ngi", name, key)
        return None

    def user(self, item: Item) -> None:
        read_user(item, self.records)

    def group(self, item: Item) -> None:
        read_group(item, self.records)

    def scope(self, item: Item) -> None:
        read_scope(item, self.records)

    def project(self, item: Item) -> None:
        read_project(item, self.records)

    def service_type(self, item: Item) -> None:
        name = item.text("SERVICE_TYPE_NAME")
        item = item.named(name)
        if not name:
            return item.rejected("SERVICE_TYPE_NAME", "", "has no name", "give it a name")
        fields = {"description": item.text("SERVICE_TYPE_DESC")}
        self.records.service_types.append(
            ServiceTypeRecord(place=item.place, name=name, key=key_of(item), raw=item.raw, fields=fields)
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
                key=key_of(item),
                raw=item.raw,
                ref=ref,
                endpoints=tuple(endpoints_of(item)),
                fields=service_fields(item),
            )
        )
        return None

    def downtime(self, item: Item) -> None:
        read_downtime(item, self.records)

    def certification_change(self, item: Item) -> None:
        read_change(item, self.records)

    def certification_date(self, item: Item) -> None:
        read_date(item, self.records)

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


def _kind_of_word(element: Element) -> str:
    """What kind of words GOCDB's <group> or <certification_status> belongs to; "" for other elements."""
    if element.tag == "certification_status":
        return "certification statuses"
    names = [(name.text or "") for name in element.iter("Name")] if element.tag == "group" else []
    return next((GROUP_KINDS[name] for name in names if name in GROUP_KINDS), "")


#: Element -> the kind that it counts as, and who reads it.
_READERS: dict[str, tuple[str, Callable[[Gocdb, Item], None]]] = {
    "NGI": ("region", Gocdb.ngi),
    "SITE": ("site", Gocdb.site),
    "SERVICE_TYPE": ("service type", Gocdb.service_type),
    "SERVICE_ENDPOINT": ("service", Gocdb.service),
    "DOWNTIME": ("downtime", Gocdb.downtime),
    "result": ("certification change", Gocdb.certification_change),
    "site": ("certification change", Gocdb.certification_date),
    "EGEE_USER": ("person", Gocdb.user),
    "SERVICE_GROUP": ("service group", Gocdb.group),
    "tag": ("scope", Gocdb.scope),
    "Project": ("federation", Gocdb.project),
    "ROC": ("region", Gocdb.region_contacts),
}
