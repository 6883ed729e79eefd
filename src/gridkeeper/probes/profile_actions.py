"""Changes of metric profiles: which tests run for a VO on which service types, and which of them count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.probes.permissions import EDIT_PROFILE
from gridkeeper.registry.models import Service, ServiceType
from gridkeeper.vos.models import Vo, VoSupport

_M = TypeVar("_M", ServiceType, Test)


class Use(StrEnum):
    """What a profile does with a test on a service type."""

    NONE = ""
    RUN = "run"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Line:
    """A test on a service type, by names."""

    service_type: str
    test: str


def profile_of(vo: Vo) -> dict[Line, Use]:
    """The VO's own lines now; empty for a VO that relies on the operations VO's."""
    rows = ProfileEntry.objects.current().filter(vo=vo)
    return {
        Line(kind, test): Use.CRITICAL if is_critical else Use.RUN
        for kind, test, is_critical in rows.values_list("service_type__name", "test__name", "is_critical")
    }


def changes_between(before: Mapping[Line, Use], after: Mapping[Line, Use]) -> dict[Line, Use]:
    """Only what differs; a line that is gone becomes Use.NONE."""
    lines = sorted({*before, *after}, key=lambda line: (line.service_type, line.test))
    pairs = {line: (before.get(line, Use.NONE), after.get(line, Use.NONE)) for line in lines}
    return {line: new for line, (old, new) in pairs.items() if old != new}


def change_profile(actor: Actor, *, vo: Vo, changes: Mapping[Line, Use], reason: str, now: datetime) -> int:
    """Closes the entries that change and opens others from `now` on; returns how many changed.

    A VO that relied on the operations VO's profile takes it over with its first change, else one line would leave it
    with one test. Raises NotPermittedError, ValidationError.
    """
    require(actor, EDIT_PROFILE, vo)
    if not reason.strip():
        raise ValidationError({"reason": "Say why; it is kept in the history of the profile."})
    types = _by_name(ServiceType, {line.service_type for line in changes}, "service type")
    tests = _by_name(Test, {line.test for line in changes}, "test")
    with transaction.atomic(), recording(actor, reason.strip()):
        # Two managers who change one profile at once: the second waits here, then sees what the first wrote.
        Vo.objects.select_for_update().get(pk=vo.pk)
        own = own_profile(vo, actor, now)
        effective = {line: use for line, use in changes.items() if own.get(line, Use.NONE) != use}
        for line, use in effective.items():
            key = {"vo": vo, "service_type": types[line.service_type], "test": tests[line.test]}
            for entry in ProfileEntry.objects.current().filter(**key):
                entry.valid_until = max(now, entry.valid_from)
                entry.save()
            if use != Use.NONE:
                is_critical = use == Use.CRITICAL
                ProfileEntry.objects.create(**key, is_critical=is_critical, author=actor.user, valid_from=now)
    return len(effective)


def _by_name(model: type[_M], names: set[str], what: str) -> dict[str, _M]:
    found = {row.name: row for row in model._default_manager.filter(name__in=names)}
    if missing := sorted(names - found.keys()):
        raise ValidationError(f"There is no {what} {', '.join(missing)}.")
    return found


def borrowed(vo: Vo) -> Vo | None:
    """The VO whose profile stands for this one, which has none of its own; None where it has one."""
    if ProfileEntry.objects.current().filter(vo=vo).exists():
        return None
    operations = Vo.objects.current().filter(name=settings.GRIDKEEPER.operations_vo).first()
    return operations if operations is not None and operations.pk != vo.pk else None


def own_profile(vo: Vo, actor: Actor, now: datetime) -> dict[Line, Use]:
    """The VO's own lines; those that it relied on become its own first. The caller has checked who may."""
    lender = borrowed(vo)
    if lender is None:
        return profile_of(vo)
    for entry in ProfileEntry.objects.current().filter(vo=lender):
        ProfileEntry.objects.create(
            vo=vo, service_type_id=entry.service_type_id, test_id=entry.test_id, is_critical=entry.is_critical,
            author=actor.user, valid_from=now,
        )  # fmt: skip
    return profile_of(vo)


def effects_of(vo: Vo, changes: Mapping[Line, Use]) -> list[str]:
    """What would follow, in sentences: how many services are tested more, or less."""
    return [_sentence(vo, line, use) for line, use in changes.items()]


def _sentence(vo: Vo, line: Line, use: Use) -> str:
    supporting = VoSupport.objects.current().filter(vo=vo).values("service_id")
    services = Service.objects.current().filter(service_type__name=line.service_type, is_monitored=True)
    number = services.filter(pk__in=supporting).count()
    where = f"{number} {line.service_type} service{'' if number == 1 else 's'} of {vo.name}"
    if use == Use.NONE:
        return f"{line.test} is not run any more on {where}; its last results grow old and it is missing, then gone."
    if use == Use.RUN:
        return f"{line.test} is run on {where}, and a failure makes none of them bad."
    return f"{line.test} is run on {where}, and a failure makes them bad for {vo.name}."


def changed_lines(changes: Mapping[Line, Use]) -> Sequence[str]:
    """The changes as short texts, for the preview."""
    return [f"{line.service_type}: {line.test} → {use or 'not run'}" for line, use in changes.items()]
