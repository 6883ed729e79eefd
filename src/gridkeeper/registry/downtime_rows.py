"""Downtimes between the rules and the database: read as plans, written in bulk with their audit records."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Max, Q, prefetch_related_objects
from simple_history.utils import bulk_create_with_history

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.audit import bulk_audit_options
from gridkeeper.people.permission import require
from gridkeeper.registry.downtime_rules import NOTICE, DowntimeState, Plan, Refusal, Standing, state_of
from gridkeeper.registry.editing import check_reason
from gridkeeper.registry.models import (
    Classification,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    Endpoint,
    Federation,
    Service,
    Site,
)
from gridkeeper.registry.signals import downtimes_changed


def refuse(refusals: Iterable[Refusal]) -> None:
    """Raises ValidationError with all of them, by field; the code of each is the name of its rule. Nothing if none."""
    errors: dict[str, list[ValidationError]] = {}
    for each in refusals:
        error = ValidationError(each.message, code=str(each.rule))
        errors.setdefault(each.field or NON_FIELD_ERRORS, []).append(error)
    if errors:
        raise ValidationError(errors)


def notice_of(sites: Iterable[Site]) -> timedelta:
    """How early a downtime of these sites must be declared to be scheduled: the longest that their federations ask."""
    regions = {site.ngi_id for site in sites}
    of_site = Q(ngis__in=regions) | Q(memberships__ngi__in=regions, memberships__valid_until=None)
    longest = Federation.objects.filter(of_site).aggregate(hours=Max("notice_hours"))["hours"]
    return NOTICE if longest is None else timedelta(hours=longest)


def sites_of(services: Sequence[Service]) -> list[Site]:
    """Their sites, each once, by name, with their regions: two queries at most, whatever was fetched along before."""
    prefetch_related_objects(list(services), "site__ngi__federation")
    return sorted({service.site for service in services}, key=lambda site: site.name)


def plan_of(downtime: Downtime) -> Plan:
    """The downtime as the rules see it; services by primary key."""
    affected = list(downtime.affected.all())
    return Plan(
        downtime.start, downtime.end, downtime.severity, downtime.description,
        frozenset(each.service_id for each in affected),
        {each.service_id: each.end for each in affected if each.end is not None},
    )  # fmt: skip


def standing_of(downtime: Downtime) -> Standing:
    """The downtime with what the rules of change ask about it: two queries."""
    further = DowntimeService.objects.filter(downtime__follows=downtime, downtime__cancelled_at=None)
    return Standing(
        plan_of(downtime),
        Classification(downtime.classification),
        is_cancelled=downtime.cancelled_at is not None,
        continued=frozenset(further.values_list("service", flat=True)),
        is_continuing=downtime.follows_id is not None,
    )


def state_at(downtime: Downtime, now: datetime) -> DowntimeState:
    """Where it stands at the instant."""
    window = Window(downtime.start, downtime.end)
    return state_of(window, is_cancelled=downtime.cancelled_at is not None, at=now)


@contextmanager
def changing(actor: Actor, downtime: Downtime, reason: str) -> Iterator[Downtime]:
    """The downtime as it stands in the database, locked: of two people who end it, the second is told so."""
    require(actor, "registry.change_downtime", downtime)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        yield Downtime.objects.select_for_update().get(pk=downtime.pk)


@dataclass(frozen=True, slots=True)
class NewRow:
    """A downtime that is to be stored, with what it affects; `ends` and `endpoints` by service and its row."""

    downtime: Downtime
    services: Sequence[Service]
    ends: Mapping[int, datetime] = field(default_factory=dict)
    endpoints: Collection[Endpoint] = ()


def store(actor: Actor, reason: str, rows: Sequence[NewRow]) -> list[Downtime]:
    """The downtimes, their services and endpoints with an audit record each: six statements, whatever their number.

    A row may follow one that stands before it in `rows` only if that is stored already. Listeners hear of the whole
    window of each.
    """
    audit = bulk_audit_options(actor, reason)
    bulk_create_with_history([row.downtime for row in rows], Downtime, batch_size=500, **audit)
    affected = [
        DowntimeService(downtime=row.downtime, service=service, end=row.ends.get(service.pk))
        for row in rows
        for service in row.services
    ]
    bulk_create_with_history(affected, DowntimeService, batch_size=500, **audit)
    by_pair = {(each.downtime_id, each.service_id): each for each in affected}
    touched = [
        DowntimeEndpoint(affected=by_pair[row.downtime.pk, endpoint.service_id], endpoint=endpoint)
        for row in rows
        for endpoint in row.endpoints
    ]
    if touched:
        bulk_create_with_history(touched, DowntimeEndpoint, batch_size=500, **audit)
    return [row.downtime for row in rows]


def tell_changed(start: datetime, end: datetime) -> None:
    """Judgements of `[start, end)` may differ now; nothing where that is empty."""
    if start < end:
        downtimes_changed.send(sender=Downtime, window=Window(start, end))


def settle(downtime: Downtime, plan: Plan) -> None:
    """Writes the plan's times to the downtime and to its parts; services that it no longer has are taken out."""
    for part in downtime.affected.all():
        if part.service_id not in plan.services:
            part.delete()
            continue
        end = plan.ends.get(part.service_id)
        if part.end != end:
            part.end = end
            part.save(update_fields=["end"])
    downtime.start, downtime.end = plan.start, plan.end
    downtime.severity, downtime.description = plan.severity, plan.description.strip()
    downtime.save()


def coming_followers(downtime: Downtime, now: datetime) -> list[Downtime]:
    """What continues it, and what continues that, as far as it has neither begun nor been cancelled; in order."""
    found: list[Downtime] = []
    last = [downtime]
    while last:
        coming = Downtime.objects.filter(follows__in=last, cancelled_at=None, start__gt=now)
        last = list(coming.order_by("start", "pk"))
        found += last
    return found


def details_of(downtime: Downtime, **further: object) -> dict[str, object]:
    """What events say of a downtime, as words and numbers."""
    return {
        "severity": downtime.severity,
        "classification": downtime.classification,
        "start": downtime.start.isoformat(),
        "end": downtime.end.isoformat(),
        "description": downtime.description,
    } | further
