"""People with their certificates and roles.

An account that an import makes has no usable password: nobody can sign in to it by a password before its owner sets
one. Certificates count as confirmed, since the source registry vouched for them; an import never moves a certificate
from one account to another, and never makes anybody an administrator of this installation.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from gridkeeper.people.models import Identity, IdentityKind, User
from gridkeeper.registry.importers.records import PersonRecord, Record, Records, RoleRef
from gridkeeper.registry.importers.report import Place
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, upsert
from gridkeeper.registry.models import Federation, Ngi, NgiMembership, RoleGrant, ServiceGroup, Site
from gridkeeper.registry.roles import ROLES

#: Names of roles that GOCDB writes otherwise than the role map.
ROLE_SPELLINGS = {"EGI CSIRT Officer": "CSIRT Officer", "Group Administrator": "Service Group Administrator"}

_GRANT = ("user_id", "role", "federation_id", "ngi_id", "site_id", "service_group_id")
_MODELS: dict[str, type[Federation] | type[Ngi] | type[Site] | type[ServiceGroup]] = {
    "federation": Federation, "ngi": Ngi, "site": Site, "service_group": ServiceGroup,
}  # fmt: skip


def apply_people(run: Run, records: Records) -> None:
    """Accounts, certificates, roles; the projects that regions belong to."""
    for record in records.federations:
        _federation(run, record, record.name)
    if not records.people:
        return
    _remember_roles(run, records.people)
    accounts = _Accounts(run)
    users = accounts.apply(records.people)
    accounts.apply_certificates(records.people, users)
    objects = _Objects(run)
    _apply_memberships(run, records.people, objects)
    _apply_roles(run, records.people, users, objects)


def _remember_roles(run: Run, people: list[PersonRecord]) -> None:
    """The source speaks of these roles, whether they can go in or not; a role unspoken of next time has ended."""
    for person in people:
        for role in person.roles:
            words = json.dumps([_name_of(person), role.role, role.kind, role.name], ensure_ascii=False)
            run.report.saw(run.origin_of(person), "role", words)


def _name_of(person: PersonRecord) -> str:
    return person.key or person.certificates[0]


@dataclass
class _Accounts:
    """The accounts of this installation, by key and by confirmed certificate."""

    run: Run
    by_certificate: dict[str, Identity] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for identity in Identity.objects.filter(kind=IdentityKind.X509).select_related("user").order_by("-pk"):
            self.by_certificate[identity.identifier] = identity
        self.names = {name.lower() for name in get_user_model().objects.values_list("username", flat=True)}

    def apply(self, people: list[PersonRecord]) -> dict[str, User]:
        """Makes and changes accounts; the accounts by what the source calls the person."""
        table: Table[User] = Table(User, [])
        wanted = [(person, self._wanted(person, table)) for person in people]
        upsert(self.run, "person", table, [item for _, item in wanted])
        rows = {row.key: row for row in User.objects.all()}
        users = {}
        for person, item in wanted:
            row = item.row and rows.get(item.row.key)
            if row is not None:
                users[_name_of(person)] = row
        return users

    def _wanted(self, person: PersonRecord, table: Table[User]) -> Wanted[User]:
        values = {name: value for name, value in person.fields.items() if name != "username"}
        key = person.key
        if key not in table.by_key:
            known = self._holder(person)
            key = known.key if known is not None else key
        row = table.by_key.get(key) if key else None
        if row is not None:
            return Wanted(person, (), values, key=key)
        initial = {"username": self._free_name(person), "password": make_password(None), "date_joined": self.run.now}
        return Wanted(person, (), values, initial, key)

    def _holder(self, person: PersonRecord) -> User | None:
        """Whose confirmed certificate it is: an unconfirmed one is a mere claim."""
        for certificate in person.certificates:
            identity = self.by_certificate.get(certificate)
            if identity is not None and identity.confirmed_at is not None:
                return identity.user
        return None

    def _free_name(self, person: PersonRecord) -> str:
        wish = str(person.fields.get("username") or person.name or person.key)
        plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode()
        stem = re.sub(r"[^A-Za-z0-9@+_-]+", ".", plain).strip(".").lower()[:140] or "person"
        name, number = stem, 1
        while name.lower() in self.names:
            number += 1
            name = f"{stem}.{number}"
        self.names.add(name.lower())
        return name

    def apply_certificates(self, people: list[PersonRecord], users: dict[str, User]) -> None:
        """Certificates of accounts, confirmed by the source; one that another account bears stays there."""
        now = self.run.now
        table: Table[Identity] = Table(Identity, ["kind", "issuer", "identifier"])
        wanted = []
        for person, certificate in ((p, c) for p in people for c in p.certificates if _name_of(p) in users):
            user, known = users[_name_of(person)], self.by_certificate.get(certificate)
            if known is not None:
                if known.user_id != user.pk or known.confirmed_at is None:
                    self._refuse(person, certificate, known)
                continue
            values = {"kind": IdentityKind.X509.value, "issuer": "", "identifier": certificate, "user_id": user.pk}
            opening = {"added_at": now, "confirmed_at": now}
            wanted.append(Wanted[Identity](person, (IdentityKind.X509.value, "", certificate), values, opening))
        upsert(self.run, "certificate", table, wanted)

    def _refuse(self, person: PersonRecord, certificate: str, known: Identity) -> None:
        name = known.user.get_username()
        state = "claimed, but not confirmed, by" if known.confirmed_at is None else "that of"
        self.run.find(
            "rejected", "certificate", person, f"the certificate is {state} the account {name}; kept there",
            "take it from that account, or confirm it, then import again", field="CERTDN", value=certificate,
        )  # fmt: skip


@dataclass
class _Objects:
    """What roles are held on, by name and by key."""

    run: Run

    def __post_init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        for kind, model in _MODELS.items():
            rows: list[Any] = list(model._default_manager.filter(valid_until=None))
            self._rows[kind] = {f"key:{row.key}": row for row in rows} | {f"name:{row.name}": row for row in rows}

    def find(self, record: Record, role: RoleRef) -> Any | None:
        """By name, which is unique and which people read; by key where an object was renamed since."""
        rows = self._rows[role.kind]
        found = rows.get(f"name:{role.name}") or (rows.get(f"key:{role.key}") if role.key else None)
        if found is None and role.kind == "federation":
            found = rows[f"name:{role.name}"] = _federation(self.run, record, role.name)
        return found


def _federation(run: Run, record: Record, name: str) -> Federation:
    """A project that the source names: made where it is not here yet."""
    known = Federation.objects.current().filter(name=name).first()
    if known is not None:
        return known
    run.report.count("federation", "created")
    run.find(
        "repaired", "federation", record, "the project is not a federation of this registry; it was made from its name",
        "describe it on its page; import with --federation to make it the one that regions belong to",
        field="project", value=name,
    )  # fmt: skip
    return Federation.objects.create(name=name, valid_from=run.now)


def _apply_memberships(run: Run, people: list[PersonRecord], objects: _Objects) -> None:
    """Further projects of regions, as the roles on them tell."""
    told = {pair: person for person in people for pair in person.memberships}
    wanted = []
    for (region, project), person in told.items():
        ngi = objects.find(person, RoleRef("", "ngi", region))
        if ngi is None:
            continue
        federation = objects.find(person, RoleRef("", "federation", project))
        if federation is not None and federation.pk != ngi.federation_id:
            values = {"ngi_id": ngi.pk, "federation_id": federation.pk}
            opening = {"valid_from": run.now}
            wanted.append(Wanted[NgiMembership](person, (ngi.pk, federation.pk), values, opening))
    upsert(run, "membership", Table(NgiMembership, ["ngi_id", "federation_id"]), wanted)


def _apply_roles(run: Run, people: list[PersonRecord], users: dict[str, User], objects: _Objects) -> None:
    table: Table[RoleGrant] = Table(RoleGrant, _GRANT)
    wanted = []
    for person in people:
        user = users.get(_name_of(person))
        if user is not None:
            wanted += list(_grants(run, person, user, objects))
    upsert(run, "role", table, wanted)


def _grants(run: Run, person: PersonRecord, user: User, objects: _Objects) -> Iterator[Wanted[RoleGrant]]:
    taken: set[tuple[Any, ...]] = set()
    for ref in person.roles:
        run.report.count("role", "read")
        name = role_named(ref.role)
        role, on = ROLES.get(name), objects.find(person, ref)
        if role is None or on is None or role.level != ref.kind:
            _refuse_role(run, person, ref, None if role is None else role.level, is_there=on is not None)
            continue
        held = {f"{kind}_id": on.pk if kind == ref.kind else None for kind in _MODELS}
        natural = (user.pk, name, *held.values())
        if natural not in taken:
            taken.add(natural)
            yield Wanted(person, natural, {"user_id": user.pk, "role": name, **held})


def role_named(name: str) -> str:
    """The role of the role map that a source means.

    >>> role_named("EGI CSIRT Officer"), role_named("site administrator"), role_named("Janitor")
    ('CSIRT Officer', 'Site Administrator', 'Janitor')
    """
    if name in ROLES:
        return name
    spelling = ROLE_SPELLINGS.get(name, name)
    return next((known for known in ROLES if known.lower() == spelling.lower()), spelling)


def _refuse_role(run: Run, person: PersonRecord, ref: RoleRef, level: str | None, *, is_there: bool) -> None:
    problem, remedy = "the role is unknown here", "add it to the role map, or leave it out"
    if level is not None and not is_there:
        problem, remedy = "the role is on an object that is not registered", "import that first, then this file again"
    elif level is not None:
        problem, remedy = f"the role is held on a {level} here", "correct it in the source, or in the role map"
    words = f"{ref.role} on {ref.kind} {ref.name}"
    run.find(
        "rejected", "role", person, problem, remedy, name=f"{person.name}: {words}", field="USER_ROLE", value=words
    )


def end_roles(run: Run, kind: str, keys: list[str]) -> None:
    """Roles that the source no longer tells; one that people granted here stays."""
    for words in keys:
        name, role, level, on = json.loads(words)
        held = {f"{level}__name": on, f"{level}__valid_until": None}
        person = User.objects.filter(key=name).first() or _bearer(name)
        for grant in RoleGrant.objects.filter(user=person, role=role_named(role), **held) if person else ():
            first = grant.history.order_by("history_id").first()
            if first is not None and first.history_source != "import":
                _note(run, grant, "vanished from the source, but was granted here; kept", "revoke it on its page")
            elif not run.policy.may_close(run, kind, [grant]):
                run.stays(kind, words)
            else:
                _note(run, grant, "vanished from the source; revoked", "nothing to do; its history stays")
                grant.delete()
                run.report.count(kind, "closed")


def _bearer(certificate: str) -> User | None:
    identity = Identity.objects.filter(identifier=certificate).exclude(confirmed_at=None).first()
    return identity.user if identity else None


def _note(run: Run, grant: RoleGrant, problem: str, remedy: str) -> None:
    run.report.find("note", "role", Place(run.report.origin), f"{grant} on {grant.on}", problem, remedy)
