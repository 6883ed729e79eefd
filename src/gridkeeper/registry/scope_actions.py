"""Scopes: which there are, and which objects bear them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import (
    announce,
    check,
    check_known,
    check_reason,
    close_rows,
    locked,
    set_values,
    store,
    store_new,
)
from gridkeeper.registry.models import Federation, Ngi, Scope, Service, ServiceGroup, Site
from gridkeeper.registry.scope_rules import ScopeChange, ordered, scope_change, scope_problem, strictest, without

Bearer = Ngi | Site | Service | ServiceGroup
_Bearer = TypeVar("_Bearer", Ngi, Site, Service, ServiceGroup)

SCOPE_FIELDS = ("description", "is_reserved", "is_default")
_KINDS: Mapping[type, str] = {Ngi: "ngi", Site: "site", Service: "service", ServiceGroup: "service_group"}
_WORDS = {"ngi": "region", "site": "site", "service": "service", "service_group": "service group"}
#: What a person needs to tag the object with scopes that are not reserved.
EDIT_PERMISSIONS: Mapping[type, str] = {
    Federation: "registry.edit_federation",
    Ngi: "registry.edit_ngi",
    Site: "registry.edit_site",
    Service: "registry.edit_service",
    ServiceGroup: "registry.edit_service_group",
}


def set_scopes(
    actor: Actor, *, subject: _Bearer, scopes: Iterable[str], reason: str, now: datetime, seen: int | None = None
) -> _Bearer:
    """The object bears exactly those scopes from now on; reserved ones that it loses, all below it lose too.

    Raises NotPermittedError (also for a reserved scope that somebody but the operator grants or takes), and
    ValidationError for an unknown name, a scope that the parent lacks, or too few.
    """
    require(actor, EDIT_PERMISSIONS[type(subject)], subject)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        _lock_parent(subject)
        fresh = locked(subject, seen)
        after = ordered(scopes)
        change = scope_change(fresh.scopes, after)
        if not (change.added or change.removed):
            return fresh
        reserved = reserved_names()
        if change.reserved(reserved):
            require(actor, "registry.grant_reserved_scope", fresh)
        check_scopes(fresh, change, after)
        fresh.scopes = after
        store(fresh, ["scopes"])
        below = _take_below(fresh, [name for name in change.removed if name in reserved])
        _tell(actor, fresh, change, below, reason, now)
    return fresh


def _tell(
    actor: Actor, subject: Bearer, change: ScopeChange, below: Sequence[Bearer], reason: str, now: datetime
) -> None:
    announce(
        "scopes.changed", subject, actor, now, reason=reason, added=list(change.added), removed=list(change.removed),
        also_taken_from=[each.key for each in below],
    )  # fmt: skip


def check_scopes(subject: Bearer, change: ScopeChange, after: Collection[str]) -> None:
    """Raises ValidationError where the object may not bear those scopes."""
    parent = parent_of(subject)
    problem = scope_problem(
        change,
        after,
        known=set(Scope.objects.current().values_list("name", flat=True)),
        reserved=reserved_names(),
        of_parent=None if parent is None else parent.scopes,
        parent_name=str(parent),
        minimum=minimum_of(subject),
    )
    if problem:
        raise ValidationError({"scopes": problem})


def new_scopes(actor: Actor, subject: Bearer, wanted: Iterable[str] | None) -> None:
    """Gives an object that is not stored yet its scopes: the default one where `wanted` is None. Raises as above."""
    if wanted is None:
        wanted = Scope.objects.current().filter(is_default=True, is_reserved=False).values_list("name", flat=True)
    after = ordered(wanted)
    change = ScopeChange(tuple(after), ())
    if change.reserved(reserved_names()):
        require(actor, "registry.grant_reserved_scope", subject)
    check_scopes(subject, change, after)
    if len(after) < (minimum := minimum_of(subject)):
        raise ValidationError({"scopes": f"At least {minimum} scope is asked for here; choose one."})
    subject.scopes = after


def reserved_names() -> set[str]:
    """The scopes that only the operator grants and takes."""
    return set(Scope.objects.current().filter(is_reserved=True).values_list("name", flat=True))


def _lock_parent(subject: Bearer) -> None:
    """From above to below, as `_take_below` locks: a parent that loses a scope and a child that gains it take turns."""
    parent = parent_of(subject)
    if parent is not None:
        type(parent)._default_manager.select_for_update().get(pk=parent.pk)


def parent_of(subject: Bearer) -> Ngi | Site | None:
    """What must bear a reserved scope for the object to bear it; None where nothing must."""
    if isinstance(subject, Service):
        return subject.site
    return subject.ngi if isinstance(subject, Site) else None


def minimum_of(subject: Bearer) -> int:
    """The least number of scopes that the federations above it ask of such an object."""
    federations = Federation.objects.current()
    if not isinstance(subject, ServiceGroup):
        ngi = subject if isinstance(subject, Ngi) else subject.ngi if isinstance(subject, Site) else subject.site.ngi
        federations = federations.filter(
            Q(pk=ngi.federation_id) | Q(memberships__ngi=ngi.pk, memberships__valid_until=None)
        ).distinct()
    return strictest([each.minimum_scopes for each in federations], _KINDS[type(subject)])


def bearers_below(subject: Bearer, scope: str) -> list[Site | Service]:
    """What lies below the object and bears the scope: it loses a reserved one together with the object."""
    if isinstance(subject, Ngi):
        sites = Site.objects.current().filter(ngi=subject, scopes__has_tag=scope)
        services = Service.objects.current().filter(site__ngi=subject, scopes__has_tag=scope)
        return [*sites, *services.select_related("service_type")]
    if isinstance(subject, Site):
        services = Service.objects.current().filter(site=subject, scopes__has_tag=scope)
        return list(services.select_related("service_type"))
    return []


def _take_below(subject: Bearer, taken: Sequence[str]) -> list[Site | Service]:
    """Takes reserved scopes from everything below. Raises ValidationError where one would keep too few."""
    losing = {(type(each), each.pk): each for name in taken for each in bearers_below(subject, name)}
    for each in losing.values():
        # locked one after the other: whoever tags a child at this moment waits, and is then refused by the parent
        fresh = type(each)._default_manager.select_for_update().get(pk=each.pk)
        fresh.scopes = without(fresh.scopes, taken)
        if len(fresh.scopes) < (minimum := minimum_of(fresh)):
            raise ValidationError(
                {"scopes": f"{fresh} would keep fewer than {minimum} scopes; give it another one first."}
            )
        fresh.save(update_fields=["scopes"])
    return list(losing.values())


def add_scope(actor: Actor, *, values: Mapping[str, Any], reason: str, now: datetime) -> Scope:
    """A new scope (`name` and SCOPE_FIELDS). Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer")
    check_known(values, ("name", *SCOPE_FIELDS))
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        scope = Scope(valid_from=now)
        set_values(scope, values)
        check(scope, ["name", *SCOPE_FIELDS])
        store_new(scope)
        announce("scope.added", scope, actor, now, reason=reason)
    return scope


def edit_scope(
    actor: Actor, *, scope: Scope, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Scope:
    """Changes those of SCOPE_FIELDS; the name stays, objects bear it. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer", scope)
    check_known(changes, SCOPE_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(scope, seen)
        changed = set_values(fresh, changes)
        check(fresh, changed)
        if "is_reserved" in changed and fresh.is_reserved:
            _check_may_reserve(fresh)
        if changed:
            store(fresh, changed)
            announce("scope.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def _check_may_reserve(scope: Scope) -> None:
    """A scope becomes reserved only where every child that bears it has a parent that does."""
    orphans = [
        *(
            site
            for site in Site.objects.current().filter(scopes__has_tag=scope.name).select_related("ngi")
            if scope.name not in site.ngi.scopes
        ),
        *(
            service
            for service in Service.objects.current()
            .filter(scopes__has_tag=scope.name)
            .select_related("site", "service_type")
            if scope.name not in service.site.scopes
        ),
    ]
    if orphans:
        names = ", ".join(str(each) for each in orphans[:3])
        problem = f"{len(orphans)} objects bear it while what they lie below does not: {names}. Tag that first."
        raise ValidationError({"is_reserved": problem})


def bearers(scope: Scope) -> dict[str, int]:
    """How many current objects bear the scope, by kind: {"site": 3, ...}; kinds without any are left out."""
    counts = {
        kind: model._default_manager.filter(valid_until=None, scopes__has_tag=scope.name).count()  # type: ignore[attr-defined]
        for model, kind in _KINDS.items()
    }
    return {kind: count for kind, count in counts.items() if count}


def close_scope(actor: Actor, *, scope: Scope, reason: str, now: datetime, seen: int | None = None) -> Scope:
    """The scope is no more. Raises NotPermittedError, and ValidationError while an object bears it."""
    require(actor, "registry.administer", scope)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(scope, seen)
        if found := bearers(fresh):
            words = ", ".join(f"{count} {_WORDS[kind]}{'' if count == 1 else 's'}" for kind, count in found.items())
            raise ValidationError(f"{fresh} is borne by {words}; take it from them first.")
        close_rows([fresh], now)
        announce("scope.closed", fresh, actor, now, reason=reason)
    return fresh
