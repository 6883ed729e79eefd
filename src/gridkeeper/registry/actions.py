"""What people change of the registry, one function a verb. Downtimes have their own module.

Every action: the actor first, the permission on the object, one transaction, recorded with the reason; `now` is given.
`seen` is what the person looked at (`version_of`): where somebody changed the object since, nothing is overwritten.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.people.permission import require
from gridkeeper.registry.downtime_actions import cancel_downtime, declare_downtime, end_downtime_now
from gridkeeper.registry.models import (
    Certification,
    CertificationChange,
    Federation,
    Ngi,
    RoleGrant,
    Service,
    Site,
)
from gridkeeper.registry.roles import Level, roles_of
from gridkeeper.registry.rules import certification_problem, monitoring_problem, reason_problem
from gridkeeper.registry.signals import topology_changed

__all__ = [
    "NGI_FIELDS",
    "SERVICE_FIELDS",
    "SITE_FIELDS",
    "cancel_downtime",
    "change_certification",
    "close_service",
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
    "contact_email", "contact_tel", "alarm_email", "csirt_email", "csirt_tel", "emergency_tel", "notifications",
)  # fmt: skip
SERVICE_FIELDS = (
    "url", "host_dn", "host_ip", "host_ipv6", "operating_system", "architecture", "description", "email", "is_beta",
    "in_production", "is_monitored", "notifications",
)  # fmt: skip


def version_of(subject: Any) -> int:
    """The number of the object's newest audit record: changes whenever the object does; 0 without a record."""
    newest = subject.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return int(newest or 0)


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
    strangers = sorted(set(changes) - set(allowed))
    if strangers:
        raise ValidationError(f"{', '.join(strangers)} cannot be edited; these can: {', '.join(allowed)}.")
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _locked(subject, seen)
        changed = [name for name, value in changes.items() if getattr(fresh, name) != value]
        for name in changed:
            setattr(fresh, name, changes[name])
        _check_whole(fresh)
        if changed:
            fresh.save(update_fields=changed)
            topology_changed.send(sender=type(fresh), since=now, closed_service=None)
    return fresh


def _locked(subject: _Edited, seen: int | None) -> _Edited:
    """The row as it stands, locked until the end of the transaction: two people edit one after the other."""
    fresh: _Edited = type(subject)._default_manager.select_for_update().get(pk=subject.pk)
    if fresh.valid_until is not None:
        raise ValidationError(f"{fresh} was closed on {fresh.valid_until:%Y-%m-%d %H:%M} UTC and stays as it is.")
    if seen is not None and seen != version_of(fresh):
        newest = fresh.history.order_by("-history_id").first()
        who = newest.history_user or "the installation"
        raise ValidationError(
            f"Somebody was faster: {who} changed {fresh} at {newest.history_date:%H:%M} UTC. "
            "Your input is kept below; compare it with what stands now and send it again.",
            code="conflict",
        )
    return fresh


def _check_whole(subject: _Edited) -> None:
    subject.full_clean()
    if isinstance(subject, Service):
        exception = subject.service_type.has_monitoring_exception
        problem = monitoring_problem(
            in_production=subject.in_production, is_monitored=subject.is_monitored, has_exception=exception
        )
        if problem:
            raise ValidationError({"is_monitored": problem})


def _check_reason(reason: str) -> None:
    if problem := reason_problem(reason):
        raise ValidationError({"reason": problem})


def close_service(actor: Actor, *, service: Service, reason: str, now: datetime) -> Service:
    """The service is no more: it and its endpoints end now; what history says of them stays.

    Raises NotPermittedError, and ValidationError where it was closed before.
    """
    require(actor, "registry.close_service", service)
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _locked(service, None)
        for item in [*fresh.endpoints.filter(valid_until=None), fresh]:
            item.valid_until = now
            item.save(update_fields=["valid_until"])
        topology_changed.send(sender=Service, since=now, closed_service=fresh)
    return fresh


def change_certification(
    actor: Actor, *, site: Site, new: str, reason: str, now: datetime, old: str | None = None
) -> Site:
    """One step of the site's certification (rules.CERTIFICATION_STEPS); `old` is what the actor believes it to be.

    Raises NotPermittedError, and ValidationError for a step that may not be taken or that somebody took before.
    """
    require(actor, "registry.change_certification", site)
    _check_reason(reason)
    if new not in Certification.values:
        raise ValidationError({"new": f"{new!r} is not a certification; use {', '.join(Certification.values)}."})
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _locked(site, None)
        was = Certification(fresh.certification)
        if old is not None and old != was:
            raise ValidationError(f"Somebody was faster: {fresh} is {was.value} by now.", code="conflict")
        if problem := certification_problem(was, Certification(new)):
            raise ValidationError({"new": problem})
        fresh.certification, fresh.certification_since = new, now
        fresh.save(update_fields=["certification", "certification_since"])
        _note_certification(actor, fresh, was, reason, now)
        topology_changed.send(sender=Site, since=now, closed_service=None)
    return fresh


def _note_certification(actor: Actor, site: Site, old: str, reason: str, now: datetime) -> None:
    CertificationChange.objects.create(
        site=site, changed_at=now, old=old, new=site.certification, changed_by=actor.name, reason=reason.strip()
    )


def _level_of(subject: Federation | Ngi | Site) -> Level:
    return "site" if isinstance(subject, Site) else "ngi" if isinstance(subject, Ngi) else "federation"


def grant_role(
    actor: Actor, *, user: User, role: str, on: Federation | Ngi | Site, reason: str, now: datetime
) -> RoleGrant:
    """The person holds the role there from now on.

    Raises NotPermittedError, and ValidationError for a role of another level or one that is held already.
    """
    require(actor, "registry.grant_role", on)
    _check_reason(reason)
    level = _level_of(on)
    if role not in roles_of(level):
        raise ValidationError({"role": f"{role!r} cannot be held there; use {', '.join(roles_of(level))}."})
    with transaction.atomic(), recording(actor, reason.strip()):
        grant = RoleGrant(user=user, role=role, **{level: on})
        grant.full_clean()
        grant.save()
    return grant


def revoke_role(actor: Actor, *, grant: RoleGrant, reason: str, now: datetime) -> None:
    """The person holds the role no more. Everybody may give up their own.

    Raises NotPermittedError, and ValidationError where it was revoked before.
    """
    check_may_revoke(actor, grant)
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        held: Model | None = RoleGrant.objects.select_for_update().filter(pk=grant.pk).first()
        if held is None:
            raise ValidationError("Somebody was faster: the role is revoked already.", code="conflict")
        held.delete()


def check_may_revoke(actor: Actor, grant: RoleGrant) -> None:
    """Raises NotPermittedError unless the role is the actor's own or one that they may grant."""
    is_own = actor.user is not None and actor.user.pk == grant.user_id and actor.scopes is None
    if not is_own:
        require(actor, "registry.grant_role", grant.site or grant.ngi or grant.federation)
