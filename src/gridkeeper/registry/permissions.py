"""Who may change what of the registry: predicates on the object, walking site -> region -> federation.

The table is `roles.ROLES`; whoever holds no role there, and every anonymous visitor, is denied.
"""

from typing import Any, TypeVar

import rules
from django.db.models import Q, QuerySet
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.past import moment_travelled_to, present_pks
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import (
    ApiCredential,
    Downtime,
    Endpoint,
    Federation,
    Ngi,
    NgiMembership,
    RoleGrant,
    RoleRequest,
    Service,
    ServiceGroup,
    Site,
)
from gridkeeper.registry.models.roles import level_of
from gridkeeper.registry.roles import LEVELS, roles_that_may

_OnObject = TypeVar("_OnObject", RoleGrant, RoleRequest)

#: What the role map calls the permission to grant roles on an object.
GRANT_BY_LEVEL = {
    Site: "grant_site_role",
    Ngi: "grant_ngi_role",
    Federation: "grant_federation_role",
    ServiceGroup: "grant_service_group_role",
}


def _held(user: User, permission: str) -> "QuerySet[RoleGrant]":
    """The person's grants in force of a role that allows it, each on the level that the role belongs to."""
    reaching = Q(pk__in=[])
    for level in LEVELS:
        reaching |= Q(role__in=roles_that_may(permission, level), **{f"{level}__isnull": False})
    held = RoleGrant.objects.in_force(timezone.now()).filter(reaching, user=user)
    if moment_travelled_to() is None:
        return held
    return held.filter(pk__in=present_pks(RoleGrant, user_id=user.pk))


def _federations_of(ngi: Ngi) -> Q:
    """The region's own federation, and those that it belongs to as well."""
    further = ngi.memberships.current().values("federation")
    return Q(federation=ngi.federation_id) | Q(federation__in=further)


def _above(subject: Any) -> Q | None:
    """The grants that reach the object: held on itself or above it."""
    if isinstance(subject, Endpoint):
        return _above(subject.service)
    if isinstance(subject, Service | ApiCredential):
        return _above(subject.site)
    if isinstance(subject, Site):
        return Q(site=subject) | Q(ngi=subject.ngi_id) | _federations_of(subject.ngi)
    if isinstance(subject, Ngi):
        return Q(ngi=subject) | _federations_of(subject)
    if isinstance(subject, ServiceGroup):
        return Q(service_group=subject)
    return Q(federation=subject) if isinstance(subject, Federation) else None


def holds(user: User, permission: str, subject: Any) -> bool:
    """True where a role of the person allows it on the object; false for no object."""
    above = _above(subject)
    return above is not None and _held(user, permission).filter(above).exists()


def _predicate(permission: str) -> Any:
    @rules.predicate(f"registry.{permission}")  # type: ignore[untyped-decorator]
    def may(user: User, subject: Any) -> bool:
        return holds(user, permission, subject)

    return may


@rules.predicate  # type: ignore[untyped-decorator]
def may_change_downtime(user: User, downtime: Any) -> bool:
    """Whoever may declare downtimes of every service that it affects."""
    if not isinstance(downtime, Downtime):
        return False
    sites = Site.objects.filter(services__downtimes=downtime).select_related("ngi").distinct()
    return bool(sites) and all(holds(user, "declare_downtime", site) for site in sites)


@rules.predicate  # type: ignore[untyped-decorator]
def may_grant_role(user: User, subject: Any) -> bool:
    """Site roles by the site's managers and the region's; region roles by the region's managers and the federation."""
    permission = GRANT_BY_LEVEL.get(type(subject))
    return permission is not None and holds(user, permission, subject)


@rules.predicate  # type: ignore[untyped-decorator]
def may_add_service_group(user: User, _subject: Any) -> bool:
    """Whoever holds a role somewhere; the one who adds a group becomes its administrator."""
    return RoleGrant.objects.in_force(timezone.now()).filter(user=user).exists()


@rules.predicate  # type: ignore[untyped-decorator]
def may_delegate_role(user: User, subject: Any) -> bool:
    """Whoever holds a role of their own on that very object."""
    if not isinstance(subject, Site | Ngi | Federation | ServiceGroup):
        return False
    held = RoleGrant.objects.in_force(timezone.now()).filter(user=user, delegated_by=None)
    return held.filter(**{level_of(subject): subject}).exists()


@rules.predicate  # type: ignore[untyped-decorator]
def may_read_personal_data(user: User, subject: Any) -> bool:
    """Whoever holds a role that allows it, on any object: contacts of one site are of use to the next one."""
    return _held(user, "read_personal_data").exists()


for _name in (
    "edit_federation", "edit_ngi", "add_site", "edit_site", "add_service", "edit_service", "close_service",
    "declare_downtime", "change_certification", "edit_service_group",
):  # fmt: skip
    rules.add_perm(f"registry.{_name}", _predicate(_name))
#: The installation's operator alone (a superuser): what all others build on.
for _name in ("administer", "grant_reserved_scope"):
    rules.add_perm(f"registry.{_name}", rules.always_false)
rules.add_perm("registry.add_service_group", may_add_service_group)
rules.add_perm("registry.read_personal_data", may_read_personal_data)
rules.add_perm("registry.change_downtime", may_change_downtime)
rules.add_perm("registry.grant_role", may_grant_role)
#: Any signed-in person may ask.
rules.add_perm("registry.request_role", rules.is_active)
rules.add_perm("registry.delegate_role", may_delegate_role)


def sites_where(actor: Actor, permission: str) -> "QuerySet[Site]":
    """The current sites on which the actor may do it ("declare_downtime"): one query, for forms and menus."""
    sites = _within_limits(Site.objects.current(), actor)
    if actor.is_system:
        return sites
    is_in_scope = actor.scopes is None or bool(actor.scopes & {f"registry.{permission}", "registry", "*"})
    if actor.user is None or not actor.user.is_active or not is_in_scope:
        return sites.none()
    if actor.user.is_superuser:
        return sites
    held = _held(actor.user, permission)
    federations = held.values("federation")
    further = NgiMembership.objects.current().filter(federation__in=federations).values("ngi")
    return sites.filter(
        Q(pk__in=held.values("site"))
        | Q(ngi__in=held.values("ngi"))
        | Q(ngi__federation__in=federations)
        | Q(ngi__in=further)
    )


def grantable(actor: Actor, rows: "QuerySet[_OnObject]") -> "QuerySet[_OnObject]":
    """Of those grants or requests, the ones on objects on which the actor may grant roles: one query, for lists.

    Tokens may do less; the actions ask again.
    """
    if actor.is_system or (actor.user is not None and actor.user.is_active and actor.user.is_superuser):
        return rows
    if actor.user is None or not actor.user.is_active:
        return rows.none()
    return rows.filter(
        _reached(_held(actor.user, "grant_site_role"), "site", "site__ngi", "site__ngi__federation")
        | _reached(_held(actor.user, "grant_ngi_role"), "", "ngi", "ngi__federation")
        | _reached(_held(actor.user, "grant_federation_role"), "", "", "federation")
        | Q(service_group__in=_held(actor.user, "grant_service_group_role").values("service_group"))
    )


def _reached(held: "QuerySet[RoleGrant]", site: str, ngi: str, federation: str) -> Q:
    """What those grants reach; the arguments are paths to the object and to what it lies below, "" where none is."""
    federations = held.values("federation")
    reached = Q(**{f"{federation}__in": federations})
    if ngi:
        further = NgiMembership.objects.current().filter(federation__in=federations).values("ngi")
        reached |= Q(**{f"{ngi}__in": held.values("ngi")}) | Q(**{f"{ngi}__in": further})
    return reached | Q(**{f"{site}__in": held.values("site")}) if site else reached


def _within_limits(sites: "QuerySet[Site]", actor: Actor) -> "QuerySet[Site]":
    """Those that the actor's token is limited to; all where it has no limits."""
    if not actor.limits:
        return sites
    keys: dict[str, list[str]] = {}
    for limit in actor.limits:
        kind, _, key = limit.partition(":")
        keys.setdefault(kind, []).append(key)
    return sites.filter(
        Q(key__in=keys.get("site", []))
        | Q(ngi__key__in=keys.get("ngi", []))
        | Q(ngi__federation__key__in=keys.get("federation", []))
    )


def is_manager_of(actor: Actor, site: Site) -> bool:
    """True where the pages of a site should offer its forms."""
    return is_permitted(actor, "registry.edit_site", site)
