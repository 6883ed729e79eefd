"""What people change of the registry, one function a verb. Downtimes and roles have their own modules.

Every action: the actor first, the permission on the object, one transaction, recorded with the reason; `now` is given.
`seen` is what the person looked at (`version_of`): where somebody changed the object since, nothing is overwritten.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.coherence import check_together, with_country
from gridkeeper.registry.downtime_actions import cancel_downtime, declare_downtime, end_downtime_now
from gridkeeper.registry.editing import (
    announce,
    check,
    check_known,
    check_reason,
    close_rows,
    locked,
    set_values,
    store,
    version_of,
)
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import (
    Certification,
    CertificationChange,
    Ngi,
    Service,
    Site,
)
from gridkeeper.registry.role_actions import grant_role, revoke_role
from gridkeeper.registry.rules import certification_problem
from gridkeeper.registry.signals import topology_changed

__all__ = [
    "NGI_FIELDS",
    "SERVICE_FIELDS",
    "SITE_FIELDS",
    "cancel_downtime",
    "change_certification",
    "close_service",
    "close_site",
    "declare_downtime",
    "edit_ngi",
    "edit_service",
    "edit_site",
    "end_downtime_now",
    "grant_role",
    "revoke_role",
    "version_of",
]

_Edited = TypeVar("_Edited", Ngi, Site, Service)

#: What may be edited. Names, keys and what ties an object to another stay: history and series are named by them.
NGI_FIELDS = ("description", "email", "rod_email", "helpdesk_email", "security_email", "support_unit")
SITE_FIELDS = (
    "official_name", "description", "organisation", "home_url", "infrastructure", "tier", "subgrid", "country_code",
    "country", "location", "timezone", "latitude", "longitude", "domain", "ip_range", "ipv6_range", "giis_url",
    "contact_email", "contact_tel", "alarm_email", "csirt_email", "csirt_tel", "emergency_tel", "emergency_email",
    "helpdesk_email", "notifications",
)  # fmt: skip
SERVICE_FIELDS = (
    "url", "host_dn", "host_ip", "host_ipv6", "operating_system", "architecture", "description", "email", "is_beta",
    "in_production", "is_monitored", "notifications",
)  # fmt: skip


def edit_ngi(
    actor: Actor, *, ngi: Ngi, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Ngi:
    """Changes those of NGI_FIELDS. Raises NotPermittedError, ValidationError (also where `seen` is out of date)."""
    require(actor, "registry.edit_ngi", ngi)
    return _edit(actor, ngi, NGI_FIELDS, changes, reason=reason, now=now, seen=seen)


def edit_site(
    actor: Actor, *, site: Site, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Site:
    """Changes those of SITE_FIELDS. Raises NotPermittedError, ValidationError (also where `seen` is out of date)."""
    require(actor, "registry.edit_site", site)
    return _edit(actor, site, SITE_FIELDS, changes, reason=reason, now=now, seen=seen)


def edit_service(
    actor: Actor, *, service: Service, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Service:
    """Changes those of SERVICE_FIELDS. Raises NotPermittedError, ValidationError (also where `seen` is out of date)."""
    require(actor, "registry.edit_service", service)
    return _edit(actor, service, SERVICE_FIELDS, changes, reason=reason, now=now, seen=seen)


def _edit(
    actor: Actor,
    subject: _Edited,
    allowed: tuple[str, ...],
    changes: Mapping[str, Any],
    *,
    reason: str,
    now: datetime,
    seen: int | None,
) -> _Edited:
    check_known(changes, allowed)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(subject, seen)
        changed = set_values(fresh, with_country(changes, fresh) if isinstance(fresh, Site) else changes)
        check(fresh, changed)
        check_together(fresh, changed)
        if changed:
            store(fresh, changed)
            kind = f"{type(fresh).__name__.lower()}.changed"
            announce(kind, fresh, actor, now, reason=reason, fields=changed)
    return fresh


def close_service(actor: Actor, *, service: Service, reason: str, now: datetime, seen: int | None = None) -> Service:
    """The service is no more: it, its endpoints and its places in groups end now; what history says of them stays.

    Raises NotPermittedError, and ValidationError where it was closed before.
    """
    require(actor, "registry.close_service", service)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(service, seen)
        _close_service(actor, fresh, reason, now)
    return fresh


def _close_service(actor: Actor, service: Service, reason: str, now: datetime) -> None:
    parts = [*service.endpoints.filter(valid_until=None), *service.group_memberships.filter(valid_until=None)]
    close_rows([*parts, service], now)
    topology_changed.send(sender=Service, since=now, closed_service=service)
    tell("service.closed", service, actor, now, reason=reason.strip())


def change_certification(
    actor: Actor, *, site: Site, new: str, reason: str, now: datetime, old: str | None = None
) -> Site:
    """One step of the site's certification (rules.CERTIFICATION_STEPS); `old` is what the actor believes it to be.

    A step to Closed closes the site's services and credentials with it: Closed is final, and type and host are free
    again. Raises NotPermittedError, and ValidationError for a step that may not be taken or that somebody took before.
    """
    require(actor, "registry.change_certification", site)
    check_reason(reason)
    if new not in Certification.values:
        raise ValidationError({"new": f"{new!r} is not a certification; use {', '.join(Certification.values)}."})
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(site)
        was = Certification(fresh.certification)
        if old is not None and old != was:
            raise ValidationError(f"Somebody was faster: {fresh} is {was.value} by now.", code="conflict")
        if problem := certification_problem(was, Certification(new)):
            raise ValidationError({"new": problem})
        fresh.certification, fresh.certification_since = new, now
        fresh.save(update_fields=["certification", "certification_since"])
        _note_certification(actor, fresh, was, reason, now)
        announce("certification.changed", fresh, actor, now, reason=reason, old=was.value, new=new)
        if new == Certification.CLOSED:
            _close_all_of(actor, fresh, reason, now)
    return fresh


def _close_all_of(actor: Actor, site: Site, reason: str, now: datetime) -> None:
    for service in site.services.current():
        _close_service(actor, service, reason, now)
    close_rows(list(site.api_credentials.current()), now)
    tell("site.closed", site, actor, now, reason=reason.strip())


def close_site(actor: Actor, *, site: Site, reason: str, now: datetime) -> Site:
    """The last step of its certification. Raises as `change_certification` does."""
    return change_certification(actor, site=site, new=Certification.CLOSED, reason=reason, now=now)


def _note_certification(actor: Actor, site: Site, old: str, reason: str, now: datetime) -> None:
    """Raises ValidationError for the same step again at the very instant: the log orders steps by their time."""
    if CertificationChange.objects.filter(site=site, changed_at=now, new=site.certification).exists():
        message = (
            f"{site} became {site.certification} at {now:%Y-%m-%d %H:%M:%S.%f} UTC already, and its log keeps one such "
            "step an instant; look at what it is by now, and send the step again if it is still wanted."
        )
        raise ValidationError({"new": message})
    CertificationChange.objects.create(
        site=site, changed_at=now, old=old, new=site.certification, changed_by=actor.name, reason=reason.strip()
    )
