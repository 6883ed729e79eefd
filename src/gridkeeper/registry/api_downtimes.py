"""Downtimes over the API: lists, and all that may be done with one. Many at once: `api_downtime_bulk`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.decorators import decorate_view

from gridkeeper.people.actor import Actor
from gridkeeper.registry import downtime_actions, downtime_sequels
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_downtime_schemas import (
    DowntimeEdit,
    DowntimeIn,
    DowntimeOut,
    Extension,
    PartEnd,
    PreviewOut,
    SeverityChange,
)
from gridkeeper.registry.api_inputs import Reason
from gridkeeper.registry.api_lookups import endpoints_of, services_of, unknown
from gridkeeper.registry.api_parameters import (
    ChangedSince,
    Key,
    Properties,
    ScopeMatch,
    Scopes,
    Search,
    Sort,
    Text,
    When,
    bearing,
    exact,
    having,
    listed,
)
from gridkeeper.registry.api_resources import Resource, parts_touched, with_count_of_records
from gridkeeper.registry.downtime_actions import check_downtime, planned, require_declaring
from gridkeeper.registry.downtime_preview import Effects, preview
from gridkeeper.registry.downtime_rules import DowntimeState, Phase
from gridkeeper.registry.models import (
    Certification,
    Classification,
    Downtime,
    DowntimeEndpoint,
    DowntimeService,
    Service,
    Severity,
)
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional
from gridkeeper.web.moments import moment_of

router = Router(tags=["downtimes"])
_Flag = Annotated[bool | None, Query(None, description="Of an affected service.")]
_ENDPOINT = "affected__downtime"


def downtimes() -> "QuerySet[Downtime]":
    """All of them, with what answers show: five queries."""
    endpoints = DowntimeEndpoint.objects.select_related("endpoint").order_by("endpoint__name", "pk")
    affected = DowntimeService.objects.select_related("service__service_type", "service__site")
    parts = affected.prefetch_related(Prefetch("endpoints", endpoints)).order_by("service__hostname", "pk")
    rows = Downtime.objects.select_related("follows", "recurrence")
    rows = rows.prefetch_related(
        Prefetch("affected", parts), Prefetch("followed_by", Downtime.objects.only("key", "follows"))
    )
    counted = with_count_of_records(rows, (DowntimeService, "downtime_id"), (DowntimeEndpoint, _ENDPOINT))
    return counted.order_by("-start", "pk")


DOWNTIMES = Resource(
    "downtime", Downtime, downtimes, DowntimeOut, is_counted=True,
    touched=(
        parts_touched(DowntimeService, "downtime_id"), parts_touched(DowntimeEndpoint, _ENDPOINT),
        parts_touched(Downtime, "follows_id"),
    ),
)  # fmt: skip


@router.get("/downtimes", response=ChangesPage[DowntimeOut], summary="Downtimes")
@decorate_view(conditional)
def list_downtimes(
    request: HttpRequest, search: Search = "", site: Text = "", service: Text = "", region: Text = "",
    service_type: Text = "", service_group: Text = "", vo: Text = "", country: Text = "", recurrence: Text = "",
    certification: Annotated[Certification | None, Query(None, description="Of an affected site.")] = None,
    in_production: _Flag = None, is_monitored: _Flag = None,
    scope: Scopes = "", scope_match: ScopeMatch = "any", property: Properties = [],  # noqa: A002, B006  ninja copies it
    severity: Annotated[Severity | None, Query(None)] = None,
    classification: Annotated[Classification | None, Query(None)] = None,
    state: Annotated[DowntimeState | None, Query(None, description="As of now, or of as_of.")] = None,
    start: When = None, end: When = None, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest start first. `site`, `region` and `service_group` are names or keys, `service` is a key.

    `start` and `end`: what overlaps that window. Scopes and properties are those of affected services.
    """
    touched = Service.objects.filter(bearing(scope, scope_match), having(property)).filter(
        _named("site", site), _named("site__ngi", region), _named("group_memberships__group", service_group)
    )
    if country:
        touched = touched.filter(Q(site__country_code__iexact=country) | Q(site__country__iexact=country))
    only = exact(
        key=service, service_type__name=service_type, vo_support__vo__name=vo, site__certification=certification,
        in_production=in_production, is_monitored=is_monitored,
    )  # fmt: skip
    rows = downtimes().filter(description__icontains=search)
    if only or country or site or region or service_group or scope.strip() or property:
        # By subquery: a join would give a downtime once for each of its services.
        parts = DowntimeService.objects.filter(service__in=touched.filter(**only).order_by().values("pk"))
        rows = rows.filter(pk__in=parts.values("downtime"))
    own = exact(
        severity=severity, classification=classification, end__gt=start, start__lt=end, recurrence__key=recurrence
    )
    rows = rows.filter(_in_state(state, moment_of(request)), **own)
    fields = {"start": "start", "end": "end", "declared_at": "declared_at", "severity": "severity"}
    return listed(
        request, DOWNTIMES, rows, closed=True, changed_since=changed_since, order=order, fields=fields, limit=limit,
        offset=offset,
    )  # fmt: skip


def _named(path: str, name: str) -> Q:
    return Q(**{f"{path}__name": name}) | Q(**{f"{path}__key": name}) if name else Q()


def _in_state(state: DowntimeState | None, now: datetime) -> Q:
    if state is None:
        return Q()
    if state is DowntimeState.CANCELLED:
        return Q(cancelled_at__isnull=False)
    return (
        Q(cancelled_at=None)
        & {
            DowntimeState.NOW: Q(start__lte=now, end__gt=now),
            DowntimeState.NEXT: Q(start__gt=now),
            DowntimeState.PAST: Q(end__lte=now),
        }[state]
    )


def _affected(call: Call, body: DowntimeIn) -> dict[str, Any]:
    """The arguments that declaring and previewing share. Raises Problem 422 for unknown keys."""
    services = services_of(body.services)
    return {
        "services": services, "severity": body.severity, "start": body.start, "end": body.end,
        "description": body.description, "ends": _ends(services, body.ends),
        "phases": [Phase(each.at, each.severity) for each in body.phases],
    }  # fmt: skip


def _ends(services: list[Service], ends: Mapping[str, datetime]) -> dict[Service, datetime]:
    by_key = {each.key: each for each in services}
    if strangers := sorted(set(ends) - set(by_key)):
        raise unknown("ends", "/services", strangers)
    return {by_key[key]: moment for key, moment in ends.items()}


def _effects(call: Call, body: DowntimeIn) -> Effects:
    arguments = _affected(call, body)
    services = arguments["services"]
    require_declaring(call.actor, services)
    plan = planned(**arguments)
    check_downtime(plan, services, endpoints_of(body.endpoints), call.now)
    return preview(call.actor, plan=plan, services=services, now=call.now)


def _warnings(call: Call, body: DowntimeIn) -> list[str]:
    effects = _effects(call, body)
    meets = [f"{each.downtime} of {', '.join(each.services)} lies in the same time" for each in effects.conflicts]
    return [effects.sentence, *(each.availability for each in effects.stretches), *effects.hints, *meets]


@router.post("/downtimes/preview", response=PreviewOut, summary="What a downtime would do")
def preview_downtime(request: HttpRequest, body: DowntimeIn) -> Effects:
    """Its classification and why, what is left of each site, what it meets, who is told. Declares nothing."""
    return _effects(Call(Actor.of(request, "api"), timezone.now()), body)


@change(router, "POST", "/downtimes", DOWNTIMES, "declare", summary="Declare a downtime", status=201, warn=_warnings)
def declare_downtime(call: Call, body: DowntimeIn) -> Downtime:
    """For services of one site or many; the classification is computed from how early it is declared.

    Robots send an `Idempotency-Key`: the same request sent again answers the same downtime.
    """
    return downtime_actions.declare_downtime(
        call.actor, **_affected(call, body), endpoints=endpoints_of(body.endpoints), now=call.now
    )


@router.get("/downtimes/{key}", response=DowntimeOut, summary="One downtime")
@decorate_view(conditional)
def get_downtime(request: HttpRequest, key: Key) -> Downtime:
    """With the services that it affects, and what it continues and is continued by."""
    return DOWNTIMES.note(request, DOWNTIMES.find(key))


@change(router, "PATCH", "/downtimes/{key}", DOWNTIMES, "edit", summary="Edit a downtime")
def edit_downtime(call: Call, downtime: Downtime, body: DowntimeEdit) -> Downtime:
    """Until it is frozen, and never to last longer: what is longer is extended. It is classified anew."""
    changes = body.values()
    if "services" in changes:
        changes["services"] = services_of(body.services)
    if "endpoints" in changes:
        changes["endpoints"] = endpoints_of(body.endpoints)
    if "ends" in changes:
        standing = [part.service for part in downtime.affected.all()]
        changes["ends"] = _ends(changes.get("services", standing), body.ends)
    return downtime_actions.edit_downtime(
        call.actor, downtime=downtime, changes=changes, reason=body.reason, now=call.now
    )


@change(router, "POST", "/downtimes/{key}/end", DOWNTIMES, "end", summary="End a running downtime")
def end_downtime(call: Call, downtime: Downtime, body: Reason) -> Downtime:
    """It ends a minute from now."""
    return downtime_actions.end_downtime_now(call.actor, downtime=downtime, reason=body.reason, now=call.now)


@change(router, "POST", "/downtimes/{key}/end-part", DOWNTIMES, "end_part", summary="End a part of a downtime")
def end_part(call: Call, downtime: Downtime, body: PartEnd) -> Downtime:
    """Those services are back at `at`; the rest stays as declared."""
    return downtime_sequels.end_part(
        call.actor, downtime=downtime, services=services_of(body.services), at=body.at, reason=body.reason,
        now=call.now,
    )  # fmt: skip


@change(router, "POST", "/downtimes/{key}/extend", DOWNTIMES, "extend", summary="Extend a downtime", status=201)
def extend_downtime(call: Call, downtime: Downtime, body: Extension) -> Downtime:
    """Answers the linked downtime that follows it; what was promised stays as it is."""
    services = None if body.services is None else services_of(body.services)
    return downtime_sequels.extend_downtime(
        call.actor, downtime=downtime, end=body.end, services=services, reason=body.reason, now=call.now
    )


@change(
    router, "POST", "/downtimes/{key}/severity", DOWNTIMES, "change_severity", summary="Change a downtime's severity",
    status=201,
)  # fmt: skip
def change_severity(call: Call, downtime: Downtime, body: SeverityChange) -> Downtime:
    """From an instant on: answers the next phase, which follows it."""
    return downtime_sequels.change_severity(
        call.actor, downtime=downtime, severity=body.severity, at=body.at, reason=body.reason, now=call.now
    )


@change(router, "POST", "/downtimes/{key}/cancel", DOWNTIMES, "cancel", summary="Cancel a downtime that has not begun")
def cancel_downtime(call: Call, downtime: Downtime, body: Reason) -> Downtime:
    """It stays readable as cancelled, for others have planned by it."""
    return downtime_actions.cancel_downtime(call.actor, downtime=downtime, reason=body.reason, now=call.now)
