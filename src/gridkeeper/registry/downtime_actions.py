"""What people do with downtimes: declare, edit, end, cancel; `downtime_sequels` has what continues them.

Each checks, changes, records and tells; `now` comes from the edge. Refusals are `downtime_rules`, named.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.downtime_rows import (
    NewRow,
    changing,
    coming_followers,
    details_of,
    notice_of,
    plan_of,
    refuse,
    settle,
    sites_of,
    standing_of,
    store,
    tell_changed,
)
from gridkeeper.registry.downtime_rules import (
    END_DELAY,
    Phase,
    Plan,
    Refusal,
    Rule,
    cancel_refusals,
    classify,
    edit_refusals,
    end_refusals,
    plan_refusals,
    settled,
)
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import (
    Certification,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    Endpoint,
    FollowKind,
    Service,
)
from gridkeeper.registry.permissions import sites_where

#: What `edit_downtime` changes.
DOWNTIME_FIELDS = ("severity", "start", "end", "description", "services", "ends", "endpoints")


def declare_downtime(
    actor: Actor,
    *,
    services: Sequence[Service],
    severity: str,
    start: datetime,
    end: datetime,
    description: str,
    now: datetime,
    endpoints: Sequence[Endpoint] = (),
    ends: Mapping[Service, datetime] | None = None,
    phases: Sequence[Phase] = (),
) -> Downtime:
    """A new downtime of those services, classified by how early it is declared; with phases, the first of a chain.

    ends: services that are back earlier than the whole
    endpoints: addresses of the services; none of a service: the whole service
    phases: what the severity becomes on the way; each phase becomes a downtime that follows the one before

    Raises NotPermittedError for a service of a site where the actor may not, ValidationError naming fields and rules.
    """
    require_declaring(actor, services)
    plan = settled(planned(services, severity, start, end, description, ends, phases))
    check_downtime(plan, services, endpoints, now)
    reason = plan.description
    with transaction.atomic(), recording(actor, reason):
        first = _store_chain(actor, plan, services, endpoints, now)
        tell_changed(plan.start, plan.end)
        tell("downtime.declared", first, actor, now, **details_of(first, phases=len(plan.phases)))
    return first


def require_declaring(actor: Actor, services: Sequence[Service]) -> None:
    """Raises NotPermittedError where the actor may not declare downtimes of one of them, or of nothing at all."""
    if not services and not sites_where(actor, "declare_downtime").exists():
        require(actor, "registry.declare_downtime")
    for site in sites_of(services):
        require(actor, "registry.declare_downtime", site)


def planned(
    services: Sequence[Service],
    severity: str,
    start: datetime,
    end: datetime,
    description: str,
    ends: Mapping[Service, datetime] | None = None,
    phases: Sequence[Phase] = (),
) -> Plan:
    """The input as the rules see it, in UTC. Raises NaiveTimeError for a time without an offset."""
    return Plan(
        as_utc(start), as_utc(end), severity, description.strip(), frozenset(each.pk for each in services),
        {service.pk: as_utc(own) for service, own in (ends or {}).items()},
        tuple(Phase(as_utc(phase.at), phase.severity) for phase in phases),
    )  # fmt: skip


def check_downtime(plan: Plan, services: Sequence[Service], endpoints: Collection[Endpoint], now: datetime) -> None:
    """What declare_downtime asks of its input; forms ask it for their preview. Raises ValidationError."""
    refuse(plan_refusals(plan, now) + object_refusals(services, endpoints))


def object_refusals(
    services: Sequence[Service], endpoints: Collection[Endpoint], affected_before: Collection[int] = ()
) -> list[Refusal]:
    """Whether these services and endpoints may be affected together; what was before may have been closed since."""
    found = []
    chosen = {service.pk for service in services}
    fresh = [each for each in services if each.pk not in affected_before]
    closed = sorted(str(each) for each in fresh if each.valid_until or each.site.certification == _CLOSED)
    if closed:
        found.append(Refusal(Rule.OPEN, "services", f"Closed: {', '.join(closed)}; take them out."))
    elif len(chosen) != len(services):
        found.append(Refusal(Rule.SERVICES, "services", "A service is named twice; name it once."))
    if strangers := sorted(each.name for each in endpoints if each.service_id not in chosen):
        text = f"Not of an affected service: {', '.join(strangers)}; add their service or take them out."
        found.append(Refusal(Rule.ENDPOINTS, "endpoints", text))
    gone = sorted(each.name for each in endpoints if each.valid_until and each.service_id not in affected_before)
    if gone:
        found.append(Refusal(Rule.OPEN, "endpoints", f"Closed: {', '.join(gone)}; take them out."))
    return found


_CLOSED = Certification.CLOSED


def _store_chain(
    actor: Actor, plan: Plan, services: Sequence[Service], endpoints: Collection[Endpoint], now: datetime
) -> Downtime:
    """A downtime a phase, each following the one before; the first is given back."""
    notice = notice_of(sites_of(services))
    phases = [Phase(plan.start, plan.severity), *plan.phases]
    stops = [*(phase.at for phase in plan.phases), plan.end]
    made: list[Downtime] = []
    for phase, stop in zip(phases, stops, strict=True):
        out = [each for each in services if plan.end_of(each.pk) > phase.at]
        if not out:
            break
        row = Downtime(
            severity=phase.severity, classification=classify(now, phase.at, notice), description=plan.description,
            declared_at=now, start=phase.at, end=stop, declared_by=actor.user, follows=made[-1] if made else None,
            follow_kind=FollowKind.PHASE if made else "",
        )  # fmt: skip
        ends = {pk: own for pk, own in plan.ends.items() if phase.at < own < stop}
        pks = {each.pk for each in out}
        touched = [each for each in endpoints if each.service_id in pks]
        made += store(actor, plan.description, [NewRow(row, out, ends, touched)])
    return made[0]


def edit_downtime(
    actor: Actor,
    *,
    downtime: Downtime,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> Downtime:
    """Changes those of DOWNTIME_FIELDS and classifies it anew where more than its words changed.

    changes: services and endpoints as sequences of all that are to be affected; ends as in `declare_downtime`. Without
        `ends`, parts keep theirs as far as they lie before the new end.
    seen: `version_of` what the person looked at

    Raises NotPermittedError, ValidationError (code "conflict" where somebody was faster).
    """
    if strangers := sorted(set(changes) - set(DOWNTIME_FIELDS)):
        raise ValidationError(f"{', '.join(strangers)} cannot be edited; these can: {', '.join(DOWNTIME_FIELDS)}.")
    with changing(actor, downtime, reason) as fresh:
        _refuse_lost_update(fresh, seen)
        standing = standing_of(fresh)
        services, endpoints, plan = _edited(fresh, standing.plan, changes)
        require_declaring(actor, [each for each in services if each.pk not in standing.plan.services])
        refuse(edit_refusals(standing, plan, now) + object_refusals(services, endpoints, standing.plan.services))
        _write_edit(actor, fresh, settled(plan), services, endpoints, reason.strip(), now)
    return fresh


def _refuse_lost_update(downtime: Downtime, seen: int | None) -> None:
    if seen is None or seen == version_of(downtime):
        return
    newest = downtime.history.order_by("-history_id").first()
    who = newest.history_user or newest.history_actor or "the installation"
    raise ValidationError(
        f"Somebody was faster: {who} changed the downtime at {newest.history_date:%H:%M} UTC. "
        "Your input is kept below; compare it with what stands now and send it again.",
        code="conflict",
    )


def _edited(downtime: Downtime, was: Plan, changes: Mapping[str, Any]) -> tuple[list[Service], list[Endpoint], Plan]:
    """What it would affect, and its plan, after the changes."""
    standing = Service.objects.filter(pk__in=was.services).select_related("site__ngi__federation", "service_type")
    services = list(changes.get("services", standing))
    chosen = frozenset(each.pk for each in services)
    touched = Endpoint.objects.filter(affected_by__affected__downtime=downtime, service__in=chosen)
    endpoints = list(changes.get("endpoints", touched))
    start, end = as_utc(changes.get("start", was.start)), as_utc(changes.get("end", was.end))
    if "ends" in changes:
        ends = {service.pk: as_utc(own) for service, own in changes["ends"].items()}
    else:
        ends = {pk: own for pk, own in was.ends.items() if pk in chosen and own < end}
    words = changes.get("description", was.description).strip()
    return services, endpoints, Plan(start, end, changes.get("severity", was.severity), words, chosen, ends)


def _write_edit(
    actor: Actor,
    downtime: Downtime,
    plan: Plan,
    services: Sequence[Service],
    endpoints: Collection[Endpoint],
    reason: str,
    now: datetime,
) -> None:
    was = plan_of(downtime)
    has_other_endpoints = _endpoints_differ(downtime, endpoints)
    if plan == was and not has_other_endpoints:
        return
    if replace(plan, description=was.description) != was:
        downtime.classification = classify(now, plan.start, notice_of(sites_of(services)))
    added = [DowntimeService(downtime=downtime, service=each) for each in services if each.pk not in was.services]
    for part in added:
        part.end = plan.ends.get(part.service_id)
        part.save()
    settle(downtime, plan)
    if has_other_endpoints:
        _write_endpoints(downtime, endpoints)
    tell_changed(min(was.start, plan.start), max(was.end, plan.end))
    was_words = {"was_start": was.start.isoformat(), "was_end": was.end.isoformat(), "was_severity": was.severity}
    tell("downtime.changed", downtime, actor, now, **details_of(downtime, reason=reason, **was_words))


def _endpoints_differ(downtime: Downtime, endpoints: Collection[Endpoint]) -> bool:
    touched = DowntimeEndpoint.objects.filter(affected__downtime=downtime).values_list("endpoint", flat=True)
    return set(touched) != {each.pk for each in endpoints}


def _write_endpoints(downtime: Downtime, endpoints: Collection[Endpoint]) -> None:
    wanted = {each.pk: each for each in endpoints}
    touched = DowntimeEndpoint.objects.filter(affected__downtime=downtime)
    for row in touched.exclude(endpoint__in=wanted):
        row.delete()
    by_service = {part.service_id: part for part in downtime.affected.all()}
    for pk in set(wanted) - set(touched.values_list("endpoint", flat=True)):
        DowntimeEndpoint.objects.create(affected=by_service[wanted[pk].service_id], endpoint=wanted[pk])


def end_downtime_now(actor: Actor, *, downtime: Downtime, reason: str, now: datetime) -> Downtime:
    """The downtime ends a minute from now instead of when it was declared to (END_DELAY says why).

    What continues it will not take place either: it is cancelled. Raises NotPermittedError, and ValidationError where
    it is not running or has no more than that minute left.
    """
    with changing(actor, downtime, reason) as fresh:
        standing = standing_of(fresh)
        refuse(end_refusals(standing, now))
        end, was = now + END_DELAY, fresh.end
        ends = {pk: own for pk, own in standing.plan.ends.items() if own < end}
        settle(fresh, settled(replace(standing.plan, end=end, ends=ends)))
        _cancel_followers(actor, fresh, now)
        tell_changed(fresh.end, was)
        tell("downtime.ended", fresh, actor, now, **details_of(fresh, reason=reason.strip(), was_end=was.isoformat()))
    return fresh


def cancel_downtime(actor: Actor, *, downtime: Downtime, reason: str, now: datetime) -> Downtime:
    """The downtime will not take place, nor what continues it. It stays readable as cancelled: others planned by it.

    Raises NotPermittedError, and ValidationError where it has started already or was cancelled before.
    """
    with changing(actor, downtime, reason) as fresh:
        refuse(cancel_refusals(standing_of(fresh), now))
        call_off(actor, fresh, now)
        tell("downtime.cancelled", fresh, actor, now, **details_of(fresh, reason=reason.strip()))
    return fresh


def call_off(actor: Actor, downtime: Downtime, now: datetime) -> None:
    """Cancels it with what continues it; what the rules and the reason ask was asked before."""
    _cancel(downtime, now)
    _cancel_followers(actor, downtime, now)


def _cancel(downtime: Downtime, now: datetime) -> None:
    downtime.cancelled_at = now
    downtime.save(update_fields=["cancelled_at"])
    tell_changed(downtime.start, downtime.end)


def _cancel_followers(actor: Actor, downtime: Downtime, now: datetime) -> None:
    """Those that have begun run on: they are of services that were back before and are out again."""
    for follower in coming_followers(downtime, now):
        require(actor, "registry.change_downtime", follower)
        _cancel(follower, now)
