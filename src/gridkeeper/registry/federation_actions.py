"""Federations, their regions (NGIs), and the kinds of service: what the operator of the installation keeps."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.actions import NGI_FIELDS
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
from gridkeeper.registry.models import Federation, Ngi, NgiMembership, ServiceType
from gridkeeper.registry.scope_actions import new_scopes

FEDERATION_FIELDS = ("name", "description", "email", "notice_hours", "minimum_scopes")
SERVICE_TYPE_FIELDS = ("description", "service_class", "has_monitoring_exception")
#: What `minimum_scopes` may speak of.
SCOPED_KINDS = ("ngi", "site", "service", "service_group")
_MAX_MINIMUM = 20


def add_federation(actor: Actor, *, values: Mapping[str, Any], reason: str, now: datetime) -> Federation:
    """A new federation (FEDERATION_FIELDS). Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer")
    check_known(values, FEDERATION_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        federation = Federation(valid_from=now)
        set_values(federation, values)
        _check_minimum(federation.minimum_scopes)
        check(federation, FEDERATION_FIELDS)
        store_new(federation)
        announce("federation.added", federation, actor, now, reason=reason)
    return federation


def edit_federation(
    actor: Actor,
    *,
    federation: Federation,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> Federation:
    """Changes those of FEDERATION_FIELDS. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_federation", federation)
    check_known(changes, FEDERATION_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(federation, seen)
        changed = set_values(fresh, changes)
        _check_minimum(fresh.minimum_scopes)
        check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("federation.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def _check_minimum(policy: Any) -> None:
    is_fine = isinstance(policy, dict) and all(
        kind in SCOPED_KINDS and type(count) is int and 0 <= count <= _MAX_MINIMUM for kind, count in policy.items()
    )
    if not is_fine:
        words = ", ".join(SCOPED_KINDS)
        raise ValidationError({"minimum_scopes": f"Give a number from 0 to {_MAX_MINIMUM} for each of {words}."})


def close_federation(actor: Actor, *, federation: Federation, reason: str, now: datetime) -> Federation:
    """The federation is no more. Raises NotPermittedError, and ValidationError while regions belong to it."""
    require(actor, "registry.administer", federation)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(federation)
        regions = [*fresh.ngis.current(), *(each.ngi for each in fresh.memberships.current())]
        if regions:
            raise ValidationError(
                f"{len(regions)} regions belong to {fresh}, {regions[0]} among them; close them first."
            )
        close_rows([fresh], now)
        announce("federation.closed", fresh, actor, now, reason=reason)
    return fresh


def add_ngi(
    actor: Actor,
    *,
    federation: Federation,
    values: Mapping[str, Any],
    reason: str,
    now: datetime,
    scopes: Iterable[str] | None = None,
) -> Ngi:
    """A new region of the federation (`name` and NGI_FIELDS). Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer", federation)
    check_known(values, ("name", *NGI_FIELDS))
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        ngi = Ngi(federation=locked(federation), valid_from=now)
        set_values(ngi, values)
        check(ngi, ["name", *NGI_FIELDS])
        new_scopes(actor, ngi, scopes)
        store_new(ngi)
        announce("ngi.added", ngi, actor, now, reason=reason)
    return ngi


def rename_ngi(actor: Actor, *, ngi: Ngi, name: str, reason: str, now: datetime, seen: int | None = None) -> Ngi:
    """The region bears another name; its key stays. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer", ngi)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(ngi, seen)
        old = fresh.name
        changed = set_values(fresh, {"name": name})
        check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("ngi.renamed", fresh, actor, now, reason=reason, old=old, new=fresh.name)
    return fresh


def close_ngi(actor: Actor, *, ngi: Ngi, reason: str, now: datetime) -> Ngi:
    """The region is no more. Raises NotPermittedError, and ValidationError while it has sites that are not closed."""
    require(actor, "registry.administer", ngi)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(ngi)
        sites = list(fresh.sites.current().exclude(certification="Closed"))
        if sites:
            raise ValidationError(f"{fresh} has {len(sites)} sites, {sites[0]} among them; close or move them first.")
        close_rows([*fresh.memberships.current(), fresh], now)
        announce("ngi.closed", fresh, actor, now, reason=reason)
    return fresh


def join_federation(actor: Actor, *, ngi: Ngi, federation: Federation, reason: str, now: datetime) -> NgiMembership:
    """The region belongs to that federation as well. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer", ngi)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(ngi)
        if fresh.federation_id == federation.pk:
            raise ValidationError({"federation": f"{federation} is the region's own federation already."})
        membership = NgiMembership(ngi=fresh, federation=locked(federation), valid_from=now)
        check(membership, ["ngi", "federation"])
        store_new(membership)
        announce("ngi.joined", fresh, actor, now, reason=reason, federation=federation.name)
    return membership


def leave_federation(actor: Actor, *, membership: NgiMembership, reason: str, now: datetime) -> None:
    """The region belongs to that further federation no more. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer", membership.ngi)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(membership)
        close_rows([fresh], now)
        announce("ngi.left", fresh.ngi, actor, now, reason=reason, federation=fresh.federation.name)


def add_service_type(actor: Actor, *, values: Mapping[str, Any], reason: str, now: datetime) -> ServiceType:
    """A new kind of service (`name` and SERVICE_TYPE_FIELDS). Raises NotPermittedError, ValidationError."""
    require(actor, "registry.administer")
    check_known(values, ("name", *SERVICE_TYPE_FIELDS))
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        kind = ServiceType()
        set_values(kind, values)
        check(kind, ["name", *SERVICE_TYPE_FIELDS])
        store_new(kind)
        announce("service_type.added", kind, actor, now, reason=reason)
    return kind


def edit_service_type(
    actor: Actor,
    *,
    service_type: ServiceType,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> ServiceType:
    """Changes those of SERVICE_TYPE_FIELDS; the name stays, series are named by it.

    Raises NotPermittedError, ValidationError.
    """
    require(actor, "registry.administer", service_type)
    check_known(changes, SERVICE_TYPE_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(service_type, seen)
        changed = set_values(fresh, changes)
        check(fresh, changed)
        if "has_monitoring_exception" in changed and not fresh.has_monitoring_exception:
            _check_nobody_needs_exception(fresh)
        if changed:
            store(fresh, changed)
            announce("service_type.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def _check_nobody_needs_exception(kind: ServiceType) -> None:
    using = kind.services.current().filter(in_production=True, is_monitored=False).select_related("site")
    if found := list(using[:3]):
        names = ", ".join(f"{each.hostname} of {each.site}" for each in found)
        raise ValidationError(
            {"has_monitoring_exception": f"{using.count()} services live by it: {names}. Have them monitored first."}
        )
