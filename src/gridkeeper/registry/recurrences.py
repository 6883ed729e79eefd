"""Recurring downtimes: a rule makes a downtime of each occurrence, as soon as it lies within the horizon.

Consumers see ordinary downtimes, which can be edited, extended and cancelled one by one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.downtime_actions import call_off, check_downtime, planned, require_declaring
from gridkeeper.registry.downtime_rows import NewRow, details_of, notice_of, sites_of, store, tell_changed
from gridkeeper.registry.downtime_rules import classify
from gridkeeper.registry.editing import check_reason
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import Certification, Downtime, DowntimeRecurrence, Service
from gridkeeper.registry.recurrence_rules import MAX_PER_YEAR, Recurrence, RecurrenceError, parse_recurrence

log = structlog.get_logger(__name__)

#: Occurrences become downtimes so long ahead: early enough to be scheduled, and to be planned by.
HORIZON = timedelta(days=60)


def declare_recurrence(
    actor: Actor,
    *,
    services: Sequence[Service],
    rule: str,
    first_start: datetime,
    timezone: str,
    duration: timedelta,
    severity: str,
    description: str,
    now: datetime,
) -> DowntimeRecurrence:
    """A rule of downtimes; those within HORIZON are declared at once.

    rule: RFC 5545 RRULE, at most MAX_PER_YEAR occurrences a year
    timezone: IANA name; occurrences keep its wall clock

    Raises NotPermittedError, ValidationError.
    """
    require_declaring(actor, services)
    parsed = parsed_recurrence(rule, first_start, timezone, duration)
    first_start = as_utc(first_start)
    plan = planned(services, severity, first_start, first_start + duration, description)
    check_downtime(plan, services, (), now)
    with transaction.atomic(), recording(actor, plan.description):
        recurrence = DowntimeRecurrence.objects.create(
            rule=rule.strip(), first_start=first_start, timezone=timezone,
            duration_seconds=int(duration.total_seconds()), severity=severity, description=plan.description,
            declared_at=now, declared_by=actor.user,
        )  # fmt: skip
        recurrence.services.set(services)
        _make(actor, recurrence, parsed, now)
    return recurrence


def parsed_recurrence(rule: str, first_start: datetime, timezone: str, duration: timedelta) -> Recurrence:
    """The rule, checked. Raises ValidationError naming the field."""
    try:
        return parse_recurrence(rule, first_start=as_utc(first_start), timezone=timezone, duration=duration)
    except RecurrenceError as error:
        raise ValidationError({error.field: ValidationError(str(error), code="recurrence")}) from error


def recurrence_of(recurrence: DowntimeRecurrence) -> Recurrence:
    """The stored rule. Raises ValidationError where it cannot be followed, as after an import."""
    duration = timedelta(seconds=recurrence.duration_seconds)
    return parsed_recurrence(recurrence.rule, recurrence.first_start, recurrence.timezone, duration)


def make_occurrences(now: datetime) -> int:
    """Declares the occurrences that have come within HORIZON; gives their number. A second run makes none."""
    due = DowntimeRecurrence.objects.filter(ended_at=None).filter(
        Q(made_until=None) | Q(made_until__lt=now + HORIZON - timedelta(hours=1))
    )
    made = 0
    for pk in due.order_by("pk").values_list("pk", flat=True):
        try:
            made += _make_one(pk, now)
        except ValidationError as error:  # of an import; the rules of others are followed all the same
            log.error("a recurrence cannot be followed; end it", recurrence=pk, problem="; ".join(error.messages))
    return made


def _make_one(pk: int, now: datetime) -> int:
    actor = Actor.system()
    with transaction.atomic():
        # two runs at once make each occurrence once
        recurrence = DowntimeRecurrence.objects.select_for_update().get(pk=pk)
        if recurrence.ended_at is not None:
            return 0
        with recording(actor, f"occurrence of {recurrence.rule}"[:300]):
            return len(_make(actor, recurrence, recurrence_of(recurrence), now))


def _make(actor: Actor, recurrence: DowntimeRecurrence, parsed: Recurrence, now: datetime) -> list[Downtime]:
    """The occurrences from what has been made until the horizon; services that were closed since are left out."""
    until = now + HORIZON
    windows = [
        window
        for window in parsed.windows_before(until)
        if (recurrence.made_until is None or window.start >= recurrence.made_until) and window.end > now
    ][:MAX_PER_YEAR]
    offered = recurrence.services.filter(valid_until=None).exclude(site__certification=Certification.CLOSED)
    services = list(offered.select_related("site__ngi__federation", "service_type"))
    made: list[Downtime] = []
    if services and windows:
        notice = notice_of(sites_of(services))
        rows = [
            Downtime(
                severity=recurrence.severity, classification=classify(now, window.start, notice),
                description=recurrence.description, declared_at=now, start=window.start, end=window.end,
                declared_by_id=recurrence.declared_by_id, recurrence=recurrence,
            )
            for window in windows
        ]  # fmt: skip
        made = store(actor, recurrence.description, [NewRow(row, services) for row in rows])
    recurrence.made_until = until
    recurrence.save(update_fields=["made_until"])
    for downtime in made:
        tell_changed(downtime.start, downtime.end)
        tell("downtime.declared", downtime, actor, now, **details_of(downtime, recurrence=recurrence.key))
    return made


def may_end_recurrence(actor: Actor, recurrence: DowntimeRecurrence) -> None:
    """Raises NotPermittedError unless the actor may declare downtimes of every site that it touches."""
    for site in sites_of(list(recurrence.services.all())):
        require(actor, "registry.declare_downtime", site)


def end_recurrence(actor: Actor, *, recurrence: DowntimeRecurrence, reason: str, now: datetime) -> DowntimeRecurrence:
    """It makes no more downtimes; those that have not begun are cancelled, those that have begun stay.

    Raises NotPermittedError, and ValidationError where it was ended before.
    """
    may_end_recurrence(actor, recurrence)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = DowntimeRecurrence.objects.select_for_update().get(pk=recurrence.pk)
        if fresh.ended_at is not None:
            raise ValidationError(f"It was ended on {fresh.ended_at:%Y-%m-%d %H:%M} UTC.")
        fresh.ended_at = now
        fresh.save(update_fields=["ended_at"])
        for downtime in Downtime.objects.filter(recurrence=fresh, cancelled_at=None, start__gt=now):
            require(actor, "registry.change_downtime", downtime)
            call_off(actor, downtime, now)
            tell("downtime.cancelled", downtime, actor, now, **details_of(downtime, reason=reason.strip()))
    return fresh
