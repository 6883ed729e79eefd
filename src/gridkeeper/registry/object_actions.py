"""Adding sites, services and endpoints; renaming and moving sites. Edits of existing fields are in `actions`.

Federations, regions and service types are in `federation_actions`, whose functions are offered here as well.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.actions import (
    SERVICE_FIELDS,
    SITE_FIELDS,
    close_service,
    close_site,
    edit_ngi,
    edit_service,
    edit_site,
)
from gridkeeper.registry.coherence import check_together, with_country
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
from gridkeeper.registry.federation_actions import (
    FEDERATION_FIELDS,
    SERVICE_TYPE_FIELDS,
    add_federation,
    add_ngi,
    add_service_type,
    close_federation,
    close_ngi,
    edit_federation,
    edit_service_type,
    join_federation,
    leave_federation,
    rename_ngi,
)
from gridkeeper.registry.models import Certification, CertificationChange, Endpoint, Ngi, Service, ServiceType, Site
from gridkeeper.registry.scope_actions import new_scopes, reserved_names

__all__ = [
    "ENDPOINT_FIELDS",
    "FEDERATION_FIELDS",
    "SERVICE_TYPE_FIELDS",
    "add_endpoint",
    "add_federation",
    "add_ngi",
    "add_service",
    "add_service_type",
    "add_site",
    "close_endpoint",
    "close_federation",
    "close_ngi",
    "close_service",
    "close_site",
    "edit_endpoint",
    "edit_federation",
    "edit_ngi",
    "edit_service",
    "edit_service_type",
    "edit_site",
    "join_federation",
    "leave_federation",
    "move_site",
    "rename_ngi",
    "rename_site",
]

ENDPOINT_FIELDS = ("name", "url", "interface_name", "description", "email", "is_monitored")


def add_site(
    actor: Actor,
    *,
    ngi: Ngi,
    values: Mapping[str, Any],
    reason: str,
    now: datetime,
    scopes: Iterable[str] | None = None,
) -> Site:
    """A new site of the region (`name` and SITE_FIELDS), a candidate for certification.

    Without `scopes` it bears the default scope. Raises NotPermittedError, ValidationError.
    """
    require(actor, "registry.add_site", ngi)
    check_known(values, ("name", *SITE_FIELDS))
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        site = Site(ngi=locked(ngi), valid_from=now, certification=Certification.CANDIDATE, certification_since=now)
        set_values(site, with_country(values, site))
        check(site, ["name", *SITE_FIELDS])
        check_together(site, SITE_FIELDS)
        new_scopes(actor, site, scopes)
        store_new(site)
        CertificationChange.objects.create(
            site=site, changed_at=now, new=site.certification, changed_by=actor.name, reason=reason.strip()
        )
        announce("site.added", site, actor, now, reason=reason, region=ngi.name)
    return site


def rename_site(actor: Actor, *, site: Site, name: str, reason: str, now: datetime, seen: int | None = None) -> Site:
    """The site bears another name from now on; its key stays. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_site", site)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(site, seen)
        old = fresh.name
        changed = set_values(fresh, {"name": name})
        check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("site.renamed", fresh, actor, now, reason=reason, old=old, new=fresh.name)
    return fresh


def move_site(actor: Actor, *, site: Site, ngi: Ngi, reason: str, now: datetime, seen: int | None = None) -> Site:
    """The site belongs to another region from now on; managers of both regions may do it.

    Raises NotPermittedError, and ValidationError where the new region lacks a reserved scope that the site bears.
    """
    require(actor, "registry.add_site", site.ngi)
    require(actor, "registry.add_site", ngi)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        target = locked(ngi)
        fresh = locked(site, seen)
        if fresh.ngi_id == target.pk:
            raise ValidationError({"ngi": f"{fresh} belongs to {target} already."})
        _check_reserved_survive(fresh, target)
        old = fresh.ngi
        fresh.ngi = target
        store(fresh, ["ngi"])
        announce("site.moved", fresh, actor, now, reason=reason, old=old.name, new=target.name)
    return fresh


def _check_reserved_survive(site: Site, ngi: Ngi) -> None:
    lost = sorted((set(site.scopes) & reserved_names()) - set(ngi.scopes))
    if lost:
        problem = f"{site} bears the reserved scope {', '.join(lost)}, which {ngi} does not bear; grant it there first."
        raise ValidationError({"ngi": problem})


def add_service(
    actor: Actor,
    *,
    site: Site,
    service_type: ServiceType,
    hostname: str,
    values: Mapping[str, Any],
    reason: str,
    now: datetime,
    scopes: Iterable[str] | None = None,
) -> Service:
    """A new service of the site: a type on a host, which no other site offers (SERVICE_FIELDS).

    Without `scopes` it bears the default scope. Raises NotPermittedError, ValidationError.
    """
    require(actor, "registry.add_service", site)
    check_known(values, SERVICE_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        home = locked(site)
        if home.certification == Certification.CLOSED:
            raise ValidationError(f"{home} is closed; it offers nothing any more.")
        service = Service(site=home, service_type=service_type, valid_from=now)
        set_values(service, {"hostname": hostname.strip().removesuffix("."), **values})
        _check_belongs_to_nobody(service)
        check(service, ["hostname", *SERVICE_FIELDS])
        check_together(service, SERVICE_FIELDS)
        new_scopes(actor, service, scopes)
        store_new(service)
        announce("service.added", service, actor, now, reason=reason, site=home.name)
    return service


def _check_belongs_to_nobody(service: Service) -> None:
    """A type on a host belongs to one site; the message says which. Host names are the same in any case."""
    others = Service.objects.current().filter(service_type=service.service_type, hostname__iexact=service.hostname)
    if other := others.select_related("site__ngi").first():
        owner = f"{other.site} ({other.site.ngi})"
        raise ValidationError(
            {"hostname": f"{other} is registered already: it belongs to {owner}. Have it closed there first."}
        )


def add_endpoint(actor: Actor, *, service: Service, values: Mapping[str, Any], reason: str, now: datetime) -> Endpoint:
    """A further address of the service (ENDPOINT_FIELDS). Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_service", service)
    check_known(values, ENDPOINT_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        endpoint = Endpoint(service=locked(service), valid_from=now)
        set_values(endpoint, values)
        check(endpoint, ENDPOINT_FIELDS)
        store_new(endpoint)
        announce("endpoint.added", endpoint, actor, now, reason=reason, service=str(service))
    return endpoint


def edit_endpoint(
    actor: Actor,
    *,
    endpoint: Endpoint,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> Endpoint:
    """Changes those of ENDPOINT_FIELDS. Raises NotPermittedError, ValidationError."""
    require(actor, "registry.edit_service", endpoint.service)
    check_known(changes, ENDPOINT_FIELDS)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(endpoint, seen)
        changed = set_values(fresh, changes)
        check(fresh, changed)
        if changed:
            store(fresh, changed)
            announce("endpoint.changed", fresh, actor, now, reason=reason, fields=changed)
    return fresh


def close_endpoint(
    actor: Actor, *, endpoint: Endpoint, reason: str, now: datetime, seen: int | None = None
) -> Endpoint:
    """The address is no more. Raises NotPermittedError, and ValidationError where it was closed before."""
    require(actor, "registry.edit_service", endpoint.service)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(endpoint, seen)
        close_rows([fresh], now)
        announce("endpoint.closed", fresh, actor, now, reason=reason)
    return fresh
