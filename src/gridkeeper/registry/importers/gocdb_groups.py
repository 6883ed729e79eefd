"""GOCDB's service groups, scopes, projects and lists of words."""

from collections.abc import Iterable
from zoneinfo import available_timezones

from gridkeeper.registry.importers.countries import country_of
from gridkeeper.registry.importers.gocdb_fields import TIMEZONE_SPELLINGS, Item
from gridkeeper.registry.importers.gocdb_people import read_contacts
from gridkeeper.registry.importers.records import GroupRecord, MemberRef, Record, Records, ScopeRecord, ServiceRef
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.models import Certification, Infrastructure


def read_group(item: Item, records: Records) -> None:
    """SERVICE_GROUP: with its services (get_service_group), or with the people who hold roles on it."""
    name = item.text("NAME")
    item = item.named(name)
    key = (item.element.get("PRIMARY_KEY") or item.text("PRIMARY_KEY")).strip()
    if not name:
        return item.rejected("NAME", "", "has no name", "give it a NAME")
    read_contacts(item, records, "service_group", name, key, "USER")
    if item.children("USER") and not item.children("SERVICE_ENDPOINT"):
        return None
    records.groups.append(
        GroupRecord(
            place=item.place,
            name=name,
            key=key or None,
            raw=item.raw,
            members=tuple(_member(item, element) for element in item.children("SERVICE_ENDPOINT")),
            fields={
                "description": item.word("DESCRIPTION"),
                "email": item.word("CONTACT_EMAIL"),
                "is_monitored": item.flag("MONITORED", default=False),
                "scopes": item.scopes(),
                "properties": item.extensions(),
            },
        )
    )
    return None


def _member(group: Item, element: object) -> MemberRef:
    part = Item(group.report, "service group", group.file, element, group.name)  # type: ignore[arg-type]
    key = (part.element.get("PRIMARY_KEY") or part.text("PRIMARY_KEY")).strip()
    return MemberRef(key, ServiceRef(part.text("SERVICE_TYPE"), part.text("HOSTNAME"), part.text("SITENAME")))


def read_scope(item: Item, records: Records) -> None:
    """`tag` of Scopes.xml: its name, and whether only the operator grants it."""
    name = next((text for tag in ("name", "NAME", "Name") if (text := item.text(tag))), "")
    item = item.named(name)
    if not name:
        return item.rejected("name", "", "the scope has no name", "give it a name")
    fields: dict[str, object] = {"is_reserved": item.flag("reserved", default=False)}
    if description := item.word("description"):
        fields["description"] = description
    records.scopes.append(ScopeRecord(place=item.place, name=name, raw=item.raw, fields=fields))
    return None


def read_project(item: Item, records: Records) -> None:
    """Project of get_project_contacts: what we call a federation, with its contacts."""
    name = (item.element.get("NAME") or item.text("NAME")).strip()
    item = item.named(name)
    if not name:
        return item.rejected("NAME", "", "the project has no name", "give it a NAME")
    records.federations.append(Record(place=item.place, name=name, raw=item.raw))
    read_contacts(item, records, "federation", name, "")
    return None


def check_words(report: Report, place: Place, kind: str, words: Iterable[str]) -> None:
    """A list of words of the source, held against the words that this registry knows; one note says the outcome."""
    told = list(dict.fromkeys(filter(None, (word.strip() for word in words))))
    unknown = [word for word in told if not _KNOWN[kind](word)]
    problem = f"list of {kind}: all {len(told)} are known here, nothing is lost"
    remedy = "nothing to do"
    if unknown:
        problem = f"list of {kind}: {len(unknown)} of {len(told)} are not known here: {', '.join(unknown):.300}"
        remedy = "objects that use them are reported one by one"
    report.find("note", "file", place, kind, problem, remedy, value=len(told))


_KNOWN = {
    "countries": lambda word: bool(country_of(word)[0]),
    "time zones": lambda word: word in available_timezones() or word in TIMEZONE_SPELLINGS,
    "infrastructures": lambda word: word in Infrastructure.values,
    "certification statuses": lambda word: word in Certification.values,
}

#: group_type of GOCDB's <group> -> kind of words.
GROUP_KINDS = {
    "Country": "countries",
    "PRODUCTION_STATUS": "infrastructures",
    "CERTIFICATION_STATUS": "certification statuses",
    "Certification_Status": "certification statuses",
}
