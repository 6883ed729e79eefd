"""What people change of VOs: the VO's entry, and which VOs a service supports."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.actions import version_of
from gridkeeper.registry.models import Service
from gridkeeper.registry.rules import reason_problem
from gridkeeper.registry.signals import topology_changed
from gridkeeper.vos.models import Vo, VoSupport

#: What may be edited; the name stays, for results and lists bear it.
VO_FIELDS = ("long_name", "description", "home_url")


def edit_vo(
    actor: Actor, *, vo: Vo, changes: Mapping[str, Any], reason: str, now: datetime, seen: int | None = None
) -> Vo:
    """Changes those of VO_FIELDS. Raises NotPermittedError, ValidationError (also where `seen` is out of date)."""
    require(actor, "vos.edit_vo", vo)
    _check_reason(reason)
    if strangers := sorted(set(changes) - set(VO_FIELDS)):
        raise ValidationError(f"{', '.join(strangers)} cannot be edited; these can: {', '.join(VO_FIELDS)}.")
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = Vo.objects.select_for_update().get(pk=vo.pk)
        if seen is not None and seen != version_of(fresh):
            raise ValidationError(f"Somebody was faster: {fresh} was changed since; look again.", code="conflict")
        changed = [name for name, value in changes.items() if getattr(fresh, name) != value]
        for name in changed:
            setattr(fresh, name, changes[name])
        fresh.full_clean()
        if changed:
            fresh.save(update_fields=changed)
    return fresh


def set_support(
    actor: Actor, *, service: Service, vos: Iterable[Vo], reason: str, now: datetime
) -> tuple[list[Vo], list[Vo]]:
    """From now on the service supports exactly these VOs. Returns those that were added and those that were ended.

    Raises NotPermittedError, and ValidationError for a closed service or VO.
    """
    require(actor, "vos.set_support", service)
    _check_reason(reason)
    wanted = {vo.pk: vo for vo in vos}
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = Service.objects.select_for_update().get(pk=service.pk)  # two editors come one after the other
        _check_open(fresh, wanted.values())
        held = {row.vo_id: row for row in VoSupport.objects.current().filter(service=fresh).select_related("vo")}
        added = [vo for pk, vo in wanted.items() if pk not in held]
        ended = [row for pk, row in held.items() if pk not in wanted]
        _end(ended, now)
        for vo in added:
            VoSupport.objects.create(vo=vo, service=fresh, valid_from=now)
        if added or ended:
            topology_changed.send(sender=VoSupport, since=now, closed_service=None)
    return added, [row.vo for row in ended]


def end_support_of(service: Service, now: datetime) -> None:
    """A closed service supports nobody. For the receiver of registry.signals.topology_changed."""
    _end(VoSupport.objects.current().filter(service=service), now)


def _end(rows: Iterable[VoSupport], now: datetime) -> None:
    for row in rows:
        row.valid_until = now
        row.save(update_fields=["valid_until"])


def _check_open(service: Service, vos: Iterable[Vo]) -> None:
    closed = [str(each) for each in [service, *vos] if each.valid_until is not None]
    if closed:
        raise ValidationError(f"{', '.join(closed)} is closed; nothing can be supported there.")


def _check_reason(reason: str) -> None:
    if problem := reason_problem(reason):
        raise ValidationError({"reason": problem})
