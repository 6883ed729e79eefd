"""People: get_user, get_site_contacts, get_roc_contacts, get_project_contacts, get_service_group_role.

The views let nobody here who may not read personal data.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from gridkeeper.api.gocdb.filters import like, scope_filter, site_filter
from gridkeeper.api.gocdb.portal_links import link
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.regions import group_condition, group_head
from gridkeeper.api.gocdb.rows import QueryRows
from gridkeeper.api.gocdb.xml import end, escape, group, leaf, start
from gridkeeper.people.models import Identity, IdentityKind, User
from gridkeeper.registry.models import Federation, Ngi, NgiMembership, RoleGrant, ServiceGroup, Site

#: Where people have their pages.
_PERSON = "person"


def _grants(question: Question) -> "QuerySet[RoleGrant]":
    """The roles in force, with their holders; of one type where the question names one."""
    grants = RoleGrant.objects.in_force(question.now).filter(user__is_active=True).order_by("pk")
    if (role := question.get("roletype")) is not None:
        grants = grants.filter(role=role)
    return grants.prefetch_related(Prefetch("user", User.objects.prefetch_related(_identities())))


def _identities() -> Prefetch[Any]:
    confirmed = Identity.objects.filter(confirmed_at__isnull=False).order_by("pk")
    return Prefetch("identities", confirmed)


def _certdn(user: User) -> str:
    """The subject of the person's certificate; without one, what else signs them in, as GOCDB's answer does."""
    identities = list(user.identities.all())
    certificates = [identity for identity in identities if identity.kind == IdentityKind.X509]
    return (certificates or identities)[0].identifier if identities else ""


def site_contact_rows(question: Question) -> QueryRows:
    """The sites with the holders of roles on them."""
    sites = Site.objects.current().filter(site_filter(question) & scope_filter(question))
    return QueryRows(sites.prefetch_related(Prefetch("rolegrants", _grants(question))))


def write_site_contacts(question: Question, sites: list[Site]) -> Iterator[str]:
    for site in sites:
        yield start("SITE", 1, ID=f"{site.pk}G0", PRIMARY_KEY=site.key, NAME=site.name)
        yield leaf("PRIMARY_KEY", site.key)
        yield leaf("SHORT_NAME", site.name)
        yield from (_contact(grant) for grant in site.rolegrants.all())
        yield end("SITE", 1)


def roc_contact_rows(question: Question) -> QueryRows:
    """The regions with the holders of roles on them."""
    name = question.get("roc")
    ngis = Ngi.objects.current().filter(Q() if name is None else like("name", name))
    return QueryRows(ngis.prefetch_related(Prefetch("rolegrants", _grants(question))))


def write_roc_contacts(question: Question, ngis: list[Ngi]) -> Iterator[str]:
    for ngi in ngis:
        yield start("ROC", 1, ID=ngi.pk, ROC_NAME=ngi.name)
        yield leaf("ROCNAME", ngi.name)
        yield leaf("MAIL_CONTACT", ngi.email)
        yield leaf("GOCDB_PORTAL_URL", link(question.root, "registry:ngi", ngi.key))
        yield from (_contact(grant) for grant in ngi.rolegrants.all())
        yield end("ROC", 1)


def project_rows(question: Question) -> QueryRows:
    """The federations (GOCDB's projects) with the holders of roles on them."""
    name = question.get("project")
    federations = Federation.objects.current().filter(Q() if name is None else like("name", name))
    return QueryRows(federations.prefetch_related(Prefetch("rolegrants", _grants(question))))


def write_project_contacts(question: Question, federations: list[Federation]) -> Iterator[str]:
    for federation in federations:
        contacts = (_contact(grant, with_hours=True) for grant in federation.rolegrants.all())
        yield group("Project", contacts, 1, ID=federation.pk, NAME=federation.name)


def _contact(grant: RoleGrant, *, with_hours: bool = False) -> str:
    user = grant.user
    parts = [
        start("CONTACT", 2, USER_ID=f"{user.pk}G0", PRIMARY_KEY=user.key),
        leaf("FORENAME", user.first_name, 3),
        leaf("SURNAME", user.last_name, 3),
        leaf("TITLE", user.title, 3),
        leaf("EMAIL", user.email, 3),
        leaf("TEL", user.telephone, 3),
    ]
    if with_hours:
        parts.append(leaf("WORKING_HOURS_START", user.working_hours_start, 3))
        parts.append(leaf("WORKING_HOURS_END", user.working_hours_end, 3))
    parts += [leaf("CERTDN", _certdn(user), 3), leaf("ROLE_NAME", grant.role, 3), end("CONTACT", 2)]
    return "".join(parts)


def group_role_rows(question: Question) -> QueryRows:
    """The service groups with the holders of roles on them."""
    groups = ServiceGroup.objects.current().filter(group_condition(question))
    return QueryRows(groups.prefetch_related(Prefetch("rolegrants", _grants(question))))


def write_group_roles(question: Question, groups: list[ServiceGroup]) -> Iterator[str]:
    for each in groups:
        yield start("SERVICE_GROUP", 1, PRIMARY_KEY=each.key)
        yield group_head(question, each)
        for grant in each.rolegrants.all():
            yield start("USER", 2)
            yield leaf("FORENAME", grant.user.first_name, 3)
            yield leaf("SURNAME", grant.user.last_name, 3)
            yield leaf("CERTDN", _certdn(grant.user), 3)
            yield leaf("GOCDB_PORTAL_URL", link(question.root, _PERSON, grant.user.key), 3)
            yield leaf("ROLE", grant.role, 3)
            yield end("USER", 2)
        yield end("SERVICE_GROUP", 1)


def user_rows(question: Question) -> QueryRows:
    """The people that may sign in, with their roles; of those with one of some roles where the question names them."""
    users = User.objects.filter(is_active=True)
    for name, path in {"forename": "first_name", "surname": "last_name"}.items():
        if (value := question.get(name)) is not None:
            users = users.filter(like(path, value))
    for name in ("dn", "dnlike"):
        if (value := question.get(name)) is not None:
            known = Identity.objects.filter(like("identifier", value), confirmed_at__isnull=False)
            users = users.filter(pk__in=known.values("user"))
    if question.get("roletype") is not None:
        held = RoleGrant.objects.in_force(question.now).filter(role__in=question.words("roletype"))
        users = users.filter(pk__in=held.values("user"))
    grants = RoleGrant.objects.in_force(question.now).order_by("pk")
    grants = grants.select_related("site__ngi", "ngi", "federation", "service_group")
    return QueryRows(users.prefetch_related(Prefetch("registry_roles", grants), _identities()))


def write_users(question: Question, users: list[User]) -> Iterator[str]:
    projects = _Projects()
    for user in users:
        yield start("EGEE_USER", 1, ID=f"{user.pk}G0", PRIMARY_KEY=user.key)
        yield leaf("FORENAME", user.first_name)
        yield leaf("SURNAME", user.last_name)
        yield leaf("TITLE", user.title)
        yield leaf("DESCRIPTION", user.description)
        yield leaf("GOCDB_PORTAL_URL", link(question.root, _PERSON, user.key))
        yield leaf("EMAIL", user.email)
        yield leaf("TEL", user.telephone)
        yield leaf("WORKING_HOURS_START", user.working_hours_start)
        yield leaf("WORKING_HOURS_END", user.working_hours_end)
        yield leaf("CERTDN", _certdn(user))
        for name in ("SSOUSERNAME", "APPROVED", "ACTIVE"):  # empty with GOCDB as well
            yield leaf(name, "")
        yield leaf("HOMESITE", user.home_site)
        yield from (_role(grant, projects) for grant in user.registry_roles.all())
        yield end("EGEE_USER", 1)


def _role(grant: RoleGrant, projects: "_Projects") -> str:
    on = grant.on
    recognised = (
        f"        {start('PROJECT', 0, ID=each.pk).strip()}{escape(each.name)}</PROJECT>\n" for each in projects.of(on)
    )
    parts = (
        leaf("USER_ROLE", grant.role, 3),
        leaf("ON_ENTITY", on.name, 3),
        leaf("ENTITY_TYPE", _ENTITY_TYPES[type(on)], 3),
        leaf("PRIMARY_KEY", on.key, 3),
        group("RECOGNISED_IN_PROJECTS", recognised, 3),
    )
    return group("USER_ROLE", parts, 2)


_ENTITY_TYPES: dict[type[Any], str] = {
    Site: "site",
    Ngi: "ngi",
    Federation: "project",
    ServiceGroup: "servicegroup",
}


class _Projects:
    """Which federations recognise a role on an object: those of its region. Two queries, however many roles."""

    def __init__(self) -> None:
        self._by_ngi: dict[int, set[int]] = {}
        self._federations = {each.pk: each for each in Federation.objects.current()}
        for ngi, federation in self._pairs():
            self._by_ngi.setdefault(ngi, set()).add(federation)

    def _pairs(self) -> Iterable[tuple[int, int]]:
        yield from Ngi.objects.values_list("pk", "federation_id")
        yield from NgiMembership.objects.current().values_list("ngi_id", "federation_id")

    def of(self, on: Federation | Ngi | Site | ServiceGroup) -> list[Federation]:
        """By id; a service group lies in no region, and a federation is itself."""
        if isinstance(on, Federation):
            wanted = {on.pk}
        elif isinstance(on, ServiceGroup):
            wanted = set()
        else:
            wanted = self._by_ngi.get(on.ngi_id if isinstance(on, Site) else on.pk, set())
        return [self._federations[pk] for pk in sorted(wanted) if pk in self._federations]
