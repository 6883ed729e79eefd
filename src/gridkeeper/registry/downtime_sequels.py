"""What becomes of a downtime on its way: a part ends early, it is extended, its severity changes.

A promise is never rewritten: what is longer, or of another severity, is a further downtime that follows it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.registry.downtime_rows import (
    NewRow,
    changing,
    details_of,
    notice_of,
    refuse,
    settle,
    sites_of,
    standing_of,
    store,
    tell_changed,
)
from gridkeeper.registry.downtime_rules import (
    classify,
    early_end,
    extension_refusals,
    part_end_refusals,
    phase_refusals,
    settled,
)
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import Downtime, Endpoint, FollowKind, Service


def end_part(
    actor: Actor, *, downtime: Downtime, services: Sequence[Service], at: datetime, reason: str, now: datetime
) -> Downtime:
    """Those services are back at `at`, a minute from now at the earliest; the rest stays as declared.

    With the last part the downtime ends. Raises NotPermittedError, ValidationError.
    """
    at = as_utc(at)
    with changing(actor, downtime, reason) as fresh:
        standing, chosen = standing_of(fresh), {each.pk for each in services}
        refuse(part_end_refusals(standing, chosen, at, now))
        plan, back = standing.plan, early_end(at, now)
        ended = settled(replace(plan, ends={**plan.ends, **dict.fromkeys(chosen, back)}))
        settle(fresh, ended)
        tell_changed(back, plan.end)
        words = {"services": sorted(str(each) for each in services), "back": back.isoformat()}
        kind = "downtime.ended" if ended.end < plan.end else "downtime.changed"
        tell(kind, fresh, actor, now, **details_of(fresh, reason=reason.strip(), **words))
    return fresh


def extend_downtime(
    actor: Actor,
    *,
    downtime: Downtime,
    end: datetime,
    reason: str,
    now: datetime,
    services: Sequence[Service] | None = None,
) -> Downtime:
    """A linked tail until `end`, of the same severity, classified by how early it is declared: mostly UNSCHEDULED.

    services: those that stay out; None: all that are out until the downtime's end

    Raises NotPermittedError, ValidationError. The event "downtime.extended" is the extended one's; its detail names the
    tail.
    """
    end = as_utc(end)
    with changing(actor, downtime, reason) as fresh:
        standing = standing_of(fresh)
        plan = standing.plan
        chosen = {each.pk for each in services} if services is not None else plan.services - set(plan.ends)
        refuse(extension_refusals(standing, chosen, end, now))
        tail = _follow(
            actor, fresh, FollowKind.EXTENSION, chosen, severity=plan.severity, start=plan.end_of(min(chosen)), end=end,
            reason=reason.strip(), now=now,
        )  # fmt: skip
        words = {"tail": tail.key, "until": end.isoformat(), "tail_classification": tail.classification}
        tell("downtime.extended", fresh, actor, now, **details_of(fresh, reason=reason.strip(), **words))
    return tail


def change_severity(
    actor: Actor, *, downtime: Downtime, severity: str, at: datetime, reason: str, now: datetime
) -> Downtime:
    """The next phase: the downtime ends at `at`, and one of the other severity follows until the declared end.

    Services that are back by then are not in it; what continued the downtime continues the phase.
    Raises NotPermittedError, ValidationError.
    """
    at = as_utc(at)
    with changing(actor, downtime, reason) as fresh:
        standing = standing_of(fresh)
        plan = standing.plan
        refuse(phase_refusals(standing, severity, at, now))
        further = list(Downtime.objects.filter(follows=fresh, cancelled_at=None))
        out = {each for each in plan.services if plan.end_of(each) > at}
        settle(fresh, settled(replace(plan, end=at, ends={pk: own for pk, own in plan.ends.items() if own < at})))
        ends = {pk: own for pk, own in plan.ends.items() if own > at}
        phase = _follow(
            actor, fresh, FollowKind.PHASE, out, severity=severity, start=at, end=plan.end, ends=ends,
            reason=reason.strip(), now=now,
        )  # fmt: skip
        for each in further:
            each.follows = phase
            each.save(update_fields=["follows"])
        words = {"next": phase.key, "next_severity": severity, "at": at.isoformat()}
        tell("downtime.changed", fresh, actor, now, **details_of(fresh, reason=reason.strip(), **words))
    return phase


def _follow(
    actor: Actor,
    downtime: Downtime,
    kind: FollowKind,
    chosen: set[int] | frozenset[int],
    *,
    severity: str,
    start: datetime,
    end: datetime,
    reason: str,
    now: datetime,
    ends: dict[int, datetime] | None = None,
) -> Downtime:
    """A downtime of the chosen services, with the same words and endpoints, that follows the given one."""
    services = list(Service.objects.filter(pk__in=chosen).select_related("site__ngi__federation", "service_type"))
    endpoints = list(Endpoint.objects.filter(affected_by__affected__downtime=downtime, service__in=chosen))
    row = Downtime(
        severity=severity, classification=classify(now, start, notice_of(sites_of(services))),
        description=downtime.description, declared_at=now, start=start, end=end, declared_by=actor.user,
        follows=downtime, follow_kind=kind,
    )  # fmt: skip
    store(actor, reason, [NewRow(row, services, ends or {}, endpoints)])
    tell_changed(start, end)
    return row
