"""Who may change what of the registry: predicates on the object, walking site -> region -> federation.

The table is `roles.ROLES`; whoever holds no role there, and every anonymous visitor, is denied.
"""

from typing import Any

import rules
from django.db.models import Q, QuerySet

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import Downtime, Federation, Ngi, RoleGrant, Service, Site
from gridkeeper.registry.roles import Level, roles_that_may

_LEVELS: tuple[Level, ...] = ("site", "ngi", "federation")
_GRANT_BY_LEVEL = {Site: "grant_site_role", Ngi: "grant_ngi_role", Federation: "grant_federation_role"}


def _held(user: User, permission: str) -> "QuerySet[RoleGrant]":
    """The person's grants of a role that allows it, each on the level that the role belongs to."""
    conditions = [Q(role__in=roles_that_may(permission, level), **{f"{level}__isnull": False}) for level in _LEVELS]
    return RoleGrant.objects.filter(conditions[0] | conditions[1] | conditions[2], user=user)


def _above(subject: Any) -> Q | None:
    """The grants that reach the object: held on itself or above it."""
    if isinstance(subject, Service):
        return _above(subject.site)
    if isinstance(subject, Site):
        return Q(site=subject) | Q(ngi=subject.ngi_id) | Q(federation=subject.ngi.federation_id)
    if isinstance(subject, Ngi):
        return Q(ngi=subject) | Q(federation=subject.federation_id)
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
    permission = _GRANT_BY_LEVEL.get(type(subject))
    return permission is not None and holds(user, permission, subject)


for _name in ("edit_ngi", "edit_site", "edit_service", "close_service", "declare_downtime", "change_certification"):
    rules.add_perm(f"registry.{_name}", _predicate(_name))
rules.add_perm("registry.change_downtime", may_change_downtime)
rules.add_perm("registry.grant_role", may_grant_role)


def sites_where(actor: Actor, permission: str) -> "QuerySet[Site]":
    """The current sites on which the actor may do it ("declare_downtime"): one query, for forms and menus."""
    sites = Site.objects.current()
    if actor.is_system:
        return sites
    is_in_scope = actor.scopes is None or bool(actor.scopes & {f"registry.{permission}", "registry", "*"})
    if actor.user is None or not actor.user.is_active or not is_in_scope:
        return sites.none()
    if actor.user.is_superuser:
        return sites
    held = _held(actor.user, permission)
    return sites.filter(
        Q(pk__in=held.values("site")) | Q(ngi__in=held.values("ngi")) | Q(ngi__federation__in=held.values("federation"))
    )


def is_manager_of(actor: Actor, site: Site) -> bool:
    """True where the pages of a site should offer its forms."""
    return is_permitted(actor, "registry.edit_site", site)
