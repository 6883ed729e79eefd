"""What people do with downtimes: declare, end, cancel. Each checks, changes and records; `now` comes from the edge."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.core.windows import Window, as_utc
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.models import Downtime, DowntimeService, Service, Severity
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.rules import END_DELAY, DowntimeState, classify, downtime_problems, reason_problem, state_of
from gridkeeper.registry.signals import downtimes_changed


def declare_downtime(
    actor: Actor,
    *,
    services: Sequence[Service],
    severity: str,
    start: datetime,
    end: datetime,
    description: str,
    now: datetime,
) -> Downtime:
    """A new downtime of those services, classified by how early it is declared.

    Raises NotPermittedError for a service of a site where the actor may not, ValidationError naming the fields.
    """
    if not services and not sites_where(actor, "declare_downtime").exists():
        require(actor, "registry.declare_downtime")
    for site in {service.site for service in services}:
        require(actor, "registry.declare_downtime", site)
    start, end = as_utc(start), as_utc(end)
    check_downtime(services, severity=severity, start=start, end=end, description=description, now=now)
    with transaction.atomic(), recording(actor, description.strip()):
        downtime = Downtime.objects.create(
            severity=severity, classification=classify(now, start), description=description.strip(),
            declared_at=now, start=start, end=end, declared_by=actor.user,
        )  # fmt: skip
        DowntimeService.objects.bulk_create(DowntimeService(downtime=downtime, service=each) for each in services)
        downtimes_changed.send(sender=Downtime, window=Window(start, end))
    return downtime


def check_downtime(
    services: Sequence[Service], *, severity: str, start: datetime, end: datetime, description: str, now: datetime
) -> None:
    """What declare_downtime asks of its input; forms ask it for their preview. Raises ValidationError."""
    unique = {service.pk for service in services}
    problems = downtime_problems(start, end, description=description, service_count=len(unique), now=now)
    if severity not in Severity.values:
        problems["severity"] = f"{severity!r} is not a severity; use {' or '.join(Severity.values)}."
    closed = sorted(str(service) for service in services if service.valid_until is not None)
    if closed or len(unique) != len(services):
        problems["services"] = f"Closed: {', '.join(closed)}; take them out." if closed else "A service is named twice."
    if problems:
        raise ValidationError(problems)


def end_downtime_now(actor: Actor, *, downtime: Downtime, reason: str, now: datetime) -> Downtime:
    """The downtime ends a minute from now instead of when it was declared to (END_DELAY says why).

    Raises NotPermittedError, and ValidationError where it is not running or has no more than that minute left.
    """
    with _changing(actor, downtime, reason) as fresh:
        end, was = now + END_DELAY, fresh.end
        if _state(fresh, now) is not DowntimeState.NOW or was <= end:
            raise ValidationError("Only a running downtime can be ended, and this one is not running or about to end.")
        fresh.end = end
        fresh.save(update_fields=["end"])
        downtimes_changed.send(sender=Downtime, window=Window(end, was))
    return fresh


def cancel_downtime(actor: Actor, *, downtime: Downtime, reason: str, now: datetime) -> Downtime:
    """The downtime will not take place. It stays readable as cancelled, for others have planned by it.

    Raises NotPermittedError, and ValidationError where it has started already or was cancelled before.
    """
    with _changing(actor, downtime, reason) as fresh:
        if _state(fresh, now) is not DowntimeState.NEXT:
            raise ValidationError("Only a downtime that has not started can be cancelled; end it now instead.")
        fresh.cancelled_at = now
        fresh.save(update_fields=["cancelled_at"])
        downtimes_changed.send(sender=Downtime, window=Window(fresh.start, fresh.end))
    return fresh


@contextmanager
def _changing(actor: Actor, downtime: Downtime, reason: str) -> Iterator[Downtime]:
    """The downtime as it stands in the database, locked: of two people who end it, the second is told so."""
    require(actor, "registry.change_downtime", downtime)
    if problem := reason_problem(reason):
        raise ValidationError({"reason": problem})
    with transaction.atomic(), recording(actor, reason.strip()):
        yield Downtime.objects.select_for_update().get(pk=downtime.pk)


def _state(downtime: Downtime, now: datetime) -> DowntimeState:
    window = Window(downtime.start, downtime.end)
    return state_of(window, is_cancelled=downtime.cancelled_at is not None, at=now)
