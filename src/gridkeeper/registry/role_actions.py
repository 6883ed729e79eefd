"""What people do with roles: ask, decide, grant, give up, confirm, delegate (registry.md section 4).

A request goes pending -> granted | rejected | withdrawn, and granted -> revoked; a role that ends takes its request and
its delegations with it. Nobody decides on a role of their own, unless they may do everything anyway (a superuser).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError, require, require_changeable
from gridkeeper.registry.editing import check_reason, store_new
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import Certification, RequestState, RoleGrant, RoleRequest, Site
from gridkeeper.registry.models.roles import RoleObject, level_of
from gridkeeper.registry.role_rules import delegation_problems, expiry_problem
from gridkeeper.registry.roles import Level, roles_of

MAX_MESSAGE = 1000


def request_role(actor: Actor, *, role: str, on: RoleObject, message: str, now: datetime) -> RoleRequest:
    """The actor asks for a role there; it waits for whoever may grant it.

    Raises NotPermittedError for nobody in particular, and ValidationError for a role of another level, one that is held
    or asked for already, and an object that is closed.
    """
    require(actor, "registry.request_role", on)
    if actor.user is None:
        raise NotPermittedError(f"{actor.name} is no person; roles are held, and asked for, by people")
    level = _check_role(role, on)
    if len(message) > MAX_MESSAGE:
        raise ValidationError({"message": f"At most {MAX_MESSAGE} characters."})
    held = RoleGrant.objects.in_force(now).filter(user=actor.user, role=role, delegated_by=None, **{level: on})
    if held.exists():
        raise ValidationError({"role": f"You hold {role} of {on} already."})
    with transaction.atomic(), recording(actor, message.strip()[:300]):
        request = RoleRequest(user=actor.user, role=role, message=message.strip(), requested_at=now, **{level: on})
        request.full_clean()
        store_new(request)
        tell("role.requested", request, actor, now, reason=message.strip())
    return request


def decide_request(
    actor: Actor,
    *,
    request: RoleRequest,
    is_granted: bool,
    reason: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> RoleRequest:
    """A holder of "grant" there or above says yes or no, once.

    Raises NotPermittedError (also for one's own request), and ValidationError where it was decided before.
    """
    require(actor, "registry.grant_role", request.on)
    _refuse_own(actor, request.user, "decide their own request")
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _pending(request)
        if is_granted:
            fresh.grant = _grant(fresh.user, fresh.role, fresh.on, now, expires_at)
        fresh.state = RequestState.GRANTED if is_granted else RequestState.REJECTED
        _note_decision(fresh, actor, reason, now)
        kind = "role.granted" if is_granted else "role.rejected"
        tell(kind, fresh.grant or fresh, actor, now, reason=reason.strip())
    return fresh


def withdraw_request(actor: Actor, *, request: RoleRequest, now: datetime) -> RoleRequest:
    """The person who asked asks no more. Raises NotPermittedError, and ValidationError where it was decided before."""
    require(actor, "registry.request_role", request.on)
    if actor.user is None or actor.user.pk != request.user_id:
        raise NotPermittedError(
            f"{actor.name} may not withdraw the request of {request.user}; a decision may reject it"
        )
    with transaction.atomic(), recording(actor, "withdrawn"):
        fresh = _pending(request)
        fresh.state = RequestState.WITHDRAWN
        _note_decision(fresh, actor, "", now)
        tell("role.withdrawn", fresh, actor, now)
    return fresh


def grant_role(
    actor: Actor,
    *,
    user: User,
    role: str,
    on: RoleObject,
    reason: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> RoleGrant:
    """The person holds the role there from now on; a request of theirs for it is granted with it.

    Raises NotPermittedError (also for a role of one's own), and ValidationError for a role of another level or one that
    is held already.
    """
    require(actor, "registry.grant_role", on)
    _refuse_own(actor, user, "grant a role to themselves")
    check_reason(reason)
    level = _check_role(role, on)
    with transaction.atomic(), recording(actor, reason.strip()):
        asked = RoleRequest.objects.select_for_update().filter(
            user=user, role=role, state=RequestState.PENDING, **{level: on}
        )
        request = asked.first()
        grant = _grant(user, role, on, now, expires_at)
        if request is not None:
            request.grant, request.state = grant, RequestState.GRANTED
            _note_decision(request, actor, reason, now)
        tell("role.granted", grant, actor, now, reason=reason.strip())
    return grant


def revoke_role(actor: Actor, *, grant: RoleGrant, reason: str, now: datetime) -> None:
    """The person holds the role no more, nor do those to whom they delegated it. Everybody may give up their own.

    Raises NotPermittedError, and ValidationError where it was revoked before.
    """
    check_may_revoke(actor, grant)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        held = RoleGrant.objects.select_for_update().filter(pk=grant.pk).first()
        if held is None:
            raise ValidationError("Somebody was faster: the role is revoked already.", code="conflict")
        _end(actor, held, "role.revoked", reason, now)


def check_may_revoke(actor: Actor, grant: RoleGrant) -> None:
    """Raises NotPermittedError unless the role is the actor's own, delegated by them, or one that they may grant."""
    own = {grant.user_id, grant.delegated_by_id}
    if actor.user is not None and actor.user.is_active and actor.user.pk in own and actor.scopes is None:
        require_changeable(actor)
    else:
        require(actor, "registry.grant_role", grant.on)


def confirm_roles(actor: Actor, *, grants: Collection[RoleGrant], now: datetime) -> list[RoleGrant]:
    """Somebody who may grant them says that these roles are still right; for another year.

    All or none. Raises NotPermittedError (also for a role of one's own), and ValidationError where one has ended.
    """
    for grant in grants:
        require(actor, "registry.grant_role", grant.on)
        _refuse_own(actor, grant.user, "confirm their own role")
    with transaction.atomic(), recording(actor, "yearly confirmation"):
        fresh = list(RoleGrant.objects.select_for_update().in_force(now).filter(pk__in=[each.pk for each in grants]))
        if ended := {each.pk for each in grants} - {each.pk for each in fresh}:
            names = ", ".join(str(each) for each in grants if each.pk in ended)
            raise ValidationError(f"Somebody was faster: {names} has ended; nothing is confirmed.", code="conflict")
        for grant in fresh:
            if grant.delegated_by_id is not None:
                raise ValidationError(f"{grant} is delegated for a time; confirm the role that it comes from.")
            grant.confirmed_at = now
            grant.save(update_fields=["confirmed_at"])
    return fresh


def delegate_role(
    actor: Actor,
    *,
    grant: RoleGrant,
    to: User,
    starts_at: datetime,
    expires_at: datetime,
    reason: str,
    now: datetime,
) -> RoleGrant:
    """Somebody else holds the actor's role as well, for a time; it ends at once when the actor's own does.

    Raises NotPermittedError for a role of somebody else, and ValidationError for a role that is delegated itself or no
    longer held, a time that is too long, and a person who holds it already.
    """
    require(actor, "registry.delegate_role", grant.on)
    if actor.user is None or actor.user.pk != grant.user_id:
        raise NotPermittedError(f"{actor.name} may not delegate a role of {grant.user}; only its holder may")
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        origin = RoleGrant.objects.select_for_update().in_force(now).filter(pk=grant.pk).first()
        if origin is None:
            raise ValidationError("You do not hold that role now, so you cannot delegate it.", code="conflict")
        _check_delegation(origin, to, starts_at, expires_at, now)
        place = {level_of(origin.on): origin.on}
        for ended in RoleGrant.objects.filter(user=to, role=origin.role, expires_at__lte=now, **place):
            _end(actor, ended, "role.expired", "its time was over", now)
        delegated = RoleGrant(
            user=to, role=origin.role, granted_at=now, starts_at=max(starts_at, now), expires_at=expires_at,
            delegated_by=origin.user, **place,
        )  # fmt: skip
        delegated.full_clean()
        store_new(delegated)
        tell("role.delegated", delegated, actor, now, reason=reason.strip(), until=expires_at)
    return delegated


def expire_roles(now: datetime, actor: Actor | None = None) -> int:
    """Ends the roles whose time is over, and delegations whose origin is gone; how many. Repeatable.

    They count for nothing before this runs: `RoleGrant.objects.in_force` asks the clock. It makes the end visible.
    """
    clock, ended = actor or Actor.system(), 0
    over = Q(expires_at__lte=now) | (Q(delegated_by__isnull=False) & ~Q(pk__in=RoleGrant.objects.with_origin()))
    for key in list(RoleGrant.objects.filter(over).values_list("pk", flat=True)):
        with transaction.atomic(), recording(clock, "its time is over"):
            grant = RoleGrant.objects.select_for_update().filter(over, pk=key).first()
            if grant is not None:
                ended += _end(clock, grant, "role.expired", "its time is over", now)
    return ended


def _check_role(role: str, on: RoleObject) -> Level:
    """The level of the object. Raises ValidationError for a role of another one, and for an object that is closed."""
    level = level_of(on)
    if role not in roles_of(level):
        raise ValidationError({"role": f"{role!r} cannot be held there; use {', '.join(roles_of(level))}."})
    is_closed = on.valid_until is not None or (isinstance(on, Site) and on.certification == Certification.CLOSED)
    if is_closed:
        raise ValidationError(f"{on} is closed; nobody needs a role there.")
    return level


def _refuse_own(actor: Actor, user: User, doing: str) -> None:
    if actor.user is not None and actor.user.pk == user.pk and not actor.user.is_superuser:
        raise NotPermittedError(f"{actor.name} may not {doing}; ask another holder of a role that may grant it")


def _pending(request: RoleRequest) -> RoleRequest:
    """The request as it stands, locked: two people may decide it at once. Raises ValidationError unless it waits."""
    fresh = RoleRequest.objects.select_for_update(of=("self",)).select_related("user").get(pk=request.pk)
    if fresh.state != RequestState.PENDING:
        raise ValidationError(f"Somebody was faster: the request is {fresh.state} already.", code="conflict")
    return fresh


def _note_decision(request: RoleRequest, actor: Actor, reason: str, now: datetime) -> None:
    request.decided_at, request.decided_by, request.decision = now, actor.user, reason.strip()
    request.save(update_fields=["state", "grant", "decided_at", "decided_by", "decision"])


def _grant(user: User, role: str, on: RoleObject, now: datetime, expires_at: datetime | None) -> RoleGrant:
    if not user.is_active:
        raise ValidationError(f"The account of {user} is closed; it can hold no role.")
    if problem := expiry_problem(expires_at, now):
        raise ValidationError({"expires_at": problem})
    level = _check_role(role, on)
    # A role that is over but not yet cleared away, or that was lent for a time, gives way to the person's own.
    former = RoleGrant.objects.filter(user=user, role=role, **{level: on})
    for each in former.filter(Q(expires_at__lte=now) | Q(delegated_by__isnull=False)):
        _close_requests(each, None, "replaced by another grant", now)
        each.delete()
    grant = RoleGrant(user=user, role=role, granted_at=now, confirmed_at=now, expires_at=expires_at, **{level: on})
    grant.full_clean()
    store_new(grant)
    return grant


def _check_delegation(origin: RoleGrant, to: User, starts_at: datetime, expires_at: datetime, now: datetime) -> None:
    """Raises ValidationError."""
    problems: dict[str, Any] = dict(delegation_problems(starts_at, expires_at, origin.expires_at, now))
    if origin.delegated_by_id is not None:
        raise ValidationError("That role was delegated to you; only its holder may delegate it.")
    if to.pk == origin.user_id or not to.is_active:
        problems["to"] = "Choose somebody else with an account that is open."
    if problems:
        raise ValidationError(problems)


def _end(actor: Actor, grant: RoleGrant, kind: str, reason: str, now: datetime) -> int:
    """Removes the grant, what was delegated of it, and says so of their requests; how many roles ended."""
    on = grant.on
    lent = RoleGrant.objects.none()
    if grant.delegated_by_id is None:
        lent = RoleGrant.objects.filter(delegated_by=grant.user_id, role=grant.role, **{level_of(on): on})
    ended = [grant, *lent.select_related("user")]
    for each in ended:
        _close_requests(each, actor.user, reason, now)
        tell(kind, each, actor, now, reason=reason.strip())
        each.delete()
    return len(ended)


def _close_requests(grant: RoleGrant, decided_by: User | None, reason: str, now: datetime) -> None:
    for request in RoleRequest.objects.select_for_update().filter(grant=grant, state=RequestState.GRANTED):
        request.state, request.grant = RequestState.REVOKED, None
        request.decided_at, request.decided_by, request.decision = now, decided_by, reason.strip()
        request.save(update_fields=["state", "grant", "decided_at", "decided_by", "decision"])
