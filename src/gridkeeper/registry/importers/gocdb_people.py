"""GOCDB's people: users with their roles, and the contacts of regions, sites, projects and service groups.

A person is told in several answers: `get_user` tells everything, a contact only the role on one object. All that is
told of one PRIMARY_KEY, or of one certificate where there is no key, is one person.
"""

from dataclasses import replace

from gridkeeper.registry.importers.gocdb_fields import FLAGS, Item
from gridkeeper.registry.importers.records import PersonRecord, Records, RoleRef
from gridkeeper.registry.importers.report import Report

#: ENTITY_TYPE, in any case -> what we call it.
_KINDS = {"site": "site", "ngi": "ngi", "roc": "ngi", "project": "federation", "servicegroup": "service_group"}

#: Element of a person -> column.
_PROFILE = {
    "FORENAME": "first_name",
    "SURNAME": "last_name",
    "TITLE": "title",
    "DESCRIPTION": "description",
    "EMAIL": "email",
    "TEL": "telephone",
    "WORKING_HOURS_START": "working_hours_start",
    "WORKING_HOURS_END": "working_hours_end",
    "HOMESITE": "home_site",
}


def read_user(item: Item, records: Records) -> None:
    """EGEE_USER of get_user and of UsersAndRoles.xml."""
    person = _person(item)
    if person is None:
        return
    roles, memberships = [], []
    for element in item.children("USER_ROLE"):
        part = Item(item.report, item.kind, item.file, element, person.name)
        role = _role(part)
        if role is None:
            continue
        roles.append(role)
        projects = part.words("RECOGNISED_IN_PROJECTS", "PROJECT")
        memberships += [(role.name, project) for project in projects if role.kind == "ngi"]
    records.people.append(
        replace(person, roles=tuple(dict.fromkeys(roles)), memberships=tuple(dict.fromkeys(memberships)))
    )


def _role(item: Item) -> RoleRef | None:
    """Elements are compared in any case: the sample writes serviceGroup, the interface servicegroup."""
    kind, name = item.text("ENTITY_TYPE"), item.text("ON_ENTITY")
    known = _KINDS.get(kind.lower())
    role = item.text("USER_ROLE")
    if known is None or not name or not role:
        item.rejected(
            "USER_ROLE", f"{role} on {kind} {name}", "the role names no object that holds roles; left out",
            "give it a USER_ROLE, an ON_ENTITY and an ENTITY_TYPE: site, ngi, project or serviceGroup",
        )  # fmt: skip
        return None
    return RoleRef(role, known, name, item.text("PRIMARY_KEY"))


def read_contacts(item: Item, records: Records, kind: str, name: str, key: str, tag: str = "CONTACT") -> None:
    """The contacts below a region, site, project or group: people, each with a role on it."""
    for element in item.children(tag):
        part = Item(item.report, "person", item.file, element)
        item.report.count("person", "read")
        person = _person(part)
        if person is None:
            continue
        role = part.text("ROLE_NAME") or part.text("ROLE")
        if not role:
            part.named(person.name).rejected("ROLE_NAME", "", "the contact has no role", "give it a ROLE_NAME")
            continue
        records.people.append(replace(person, roles=(RoleRef(role, kind, name, key),), is_whole=False))


def _person(item: Item) -> PersonRecord | None:
    key = (item.element.get("PRIMARY_KEY") or item.text("PRIMARY_KEY") or "").strip() or None
    certificate = item.word("CERTDN")
    name = " ".join(part for part in (item.word("FORENAME"), item.word("SURNAME")) if part)
    item = item.named(name or certificate or key or "")
    if not key and not certificate:
        item.rejected(
            "PRIMARY_KEY", "", "the person has neither PRIMARY_KEY nor CERTDN, so nobody can tell who it is",
            "fetch it again from GOCDB",
        )  # fmt: skip
        return None
    # What a reader may not see comes empty: that is no reason to forget it.
    fields: dict[str, object] = {column: text for tag, column in _PROFILE.items() if (text := item.word(tag))}
    if (active := FLAGS.get(item.text("ACTIVE").lower())) is not None:
        fields["is_active"] = active
    if username := item.word("SSOUSERNAME"):
        fields["username"] = username
    certificates = (certificate,) if certificate else ()
    return PersonRecord(
        place=item.place, name=item.name, key=key, raw=item.raw, fields=fields, certificates=certificates
    )


def join_people(report: Report, records: Records) -> None:
    """One record a person; whole ones before contacts, so that their words count."""
    joined: dict[str, PersonRecord] = {}
    by_certificate: dict[str, str] = {}
    for person in sorted(records.people, key=lambda each: not each.is_whole):
        known = next((by_certificate[each] for each in person.certificates if each in by_certificate), None)
        name = known or person.key or person.certificates[0]
        if name in joined and _are_two(joined[name], person):
            report.find(
                "repaired", "person", person.place, person.name,
                f"the PRIMARY_KEY is that of {joined[name].name} too; this one got a key of our own",
                "give each person a key of their own", field="PRIMARY_KEY", value=person.key or "", raw=person.raw,
            )  # fmt: skip
            person = replace(person, key=None)  # noqa: PLW2901
            name = person.certificates[0]
        for certificate in person.certificates:
            by_certificate.setdefault(certificate, name)
        joined[name] = _joined(joined[name], person) if name in joined else person
    records.people[:] = joined.values()


def _are_two(first: PersonRecord, second: PersonRecord) -> bool:
    """Real files give one key to several people; people have several certificates, but one name."""
    certificates = first.certificates and second.certificates
    return bool(certificates) and not set(first.certificates) & set(second.certificates) and first.name != second.name


def _joined(first: PersonRecord, second: PersonRecord) -> PersonRecord:
    return replace(
        first,
        fields={**second.fields, **first.fields},
        certificates=tuple(dict.fromkeys((*first.certificates, *second.certificates))),
        roles=_distinct((*first.roles, *second.roles)),
        memberships=tuple(dict.fromkeys((*first.memberships, *second.memberships))),
    )


def _distinct(roles: tuple[RoleRef, ...]) -> tuple[RoleRef, ...]:
    """A role that is told with and without the key of its object is one role."""
    found: dict[tuple[str, str, str], RoleRef] = {}
    for role in roles:
        known = found.get((role.role, role.kind, role.name))
        found[role.role, role.kind, role.name] = role if known is None or not known.key else known
    return tuple(found.values())
