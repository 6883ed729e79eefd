"""What people do with recomputations: request, withdraw, approve, reject, revert, put in order.

Approving marks the days; they are computed within a minute (tasks.py), and the recomputation is applied when all are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.availability import marks, permissions
from gridkeeper.availability.models import Profile, ProfileKind, Recomputation, RecomputationState
from gridkeeper.availability.profiles.documents import OperationsDocument
from gridkeeper.availability.profiles.in_force import InForce
from gridkeeper.availability.recomputations import queries
from gridkeeper.availability.recomputations.documents import Forced, Said, Wish, check, stored
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require, require_changeable
from gridkeeper.vos.models import Vo

_REQUESTED, _APPROVED, _APPLIED, _REJECTED, _WITHDRAWN, _REVERTED = RecomputationState

#: What may be done where a recomputation stands.
STEPS: Mapping[str, tuple[str, ...]] = {
    _REQUESTED: (_APPROVED, _REJECTED, _WITHDRAWN),
    _APPROVED: (_REVERTED,),
    _APPLIED: (_REVERTED,),
    _REJECTED: (),
    _WITHDRAWN: (),
    _REVERTED: (_APPROVED,),
}


def check_request(actor: Actor, wish: Wish, *, now: datetime) -> Said:
    """What the wish says. Raises NotPermittedError for a site that the actor may not edit (all sites: the federation),
    ValidationError naming the field that cannot be meant.
    """
    said = check(wish, now)
    _check_status(wish, said)
    for place in queries.sites_named(getattr(said, "groups", ())):
        require(actor, permissions.REQUEST_RECOMPUTATION, place)
    return said


def _check_status(wish: Wish, said: Said) -> None:
    """Refuses a status that there is not: it would silently change nothing."""
    if not isinstance(said, Forced) or said.status in Status.__members__:
        return
    versions = InForce.on(wish.start.date()).versions[ProfileKind.OPERATIONS].values()
    own = {state for version in versions for state in cast(OperationsDocument, version.document).states}
    if said.status not in own:
        known = ", ".join([*Status.__members__, *sorted(own - set(Status.__members__))])
        raise ValidationError({"status": f"{said.status!r} is no status; choose one of {known}."})


def check_reports(wish: Wish) -> None:
    """Raises ValidationError for a report that there never was; ARGO's clients may name those of others."""
    known = set(Profile.objects.filter(kind=ProfileKind.REPORT).values_list("name", flat=True))
    if strangers := sorted(set(wish.reports) - known - set(Vo.objects.values_list("name", flat=True))):
        raise ValidationError({"reports": f"There is no report {', '.join(strangers)}; leave it empty for all."})


def request(actor: Actor, wish: Wish, *, now: datetime, preview: Mapping[str, Any] | None = None) -> Recomputation:
    """A new request, waiting for approval. Changes no figure. Raises as `check_request`.

    preview: what the author saw that it would change (preview.py), kept beside what it will have changed
    """
    said = check_request(actor, wish, now=now)
    reason = wish.reason.strip()
    with transaction.atomic(), recording(actor, reason):
        return Recomputation.objects.create(
            kind=wish.kind, reports=sorted(set(wish.reports)), start=wish.start, end=wish.end, document=stored(said),
            reason=reason, author=actor.user, created_at=now, preview=dict(preview or {}),
        )  # fmt: skip


def withdraw(actor: Actor, recomputation: Recomputation, *, reason: str, now: datetime) -> Recomputation:
    """Takes one's own request back. Raises NotPermittedError, ValidationError where it was decided already."""
    require_changeable(actor)
    if actor.user is None or actor.user.pk != recomputation.author_id:
        require(actor, permissions.DECIDE_RECOMPUTATION)
    return _step(actor, recomputation, _WITHDRAWN, reason, now)


def approve(actor: Actor, recomputation: Recomputation, *, reason: str, now: datetime) -> Recomputation:
    """From now on figures are made with it; its days are marked. A reverted one may be approved again.

    Raises NotPermittedError (the federation's staff decides), ValidationError.
    """
    require(actor, permissions.DECIDE_RECOMPUTATION)
    return _step(actor, recomputation, _APPROVED, reason, now)


def reject(actor: Actor, recomputation: Recomputation, *, reason: str, now: datetime) -> Recomputation:
    """Refuses it; no figure changes. Raises NotPermittedError, ValidationError."""
    require(actor, permissions.DECIDE_RECOMPUTATION)
    return _step(actor, recomputation, _REJECTED, reason, now)


def revert(actor: Actor, recomputation: Recomputation, *, reason: str, now: datetime) -> Recomputation:
    """Figures are made without it again; its days are marked. Raises NotPermittedError, ValidationError."""
    require(actor, permissions.DECIDE_RECOMPUTATION)
    return _step(actor, recomputation, _REVERTED, reason, now)


def put(actor: Actor, recomputation: Recomputation, *, position: int, reason: str, now: datetime) -> Recomputation:
    """Sets its place among those that are applied: 0 first; equal ones by age. Raises as `approve` does."""
    require(actor, permissions.DECIDE_RECOMPUTATION)
    _check_reason(reason)
    if position < 0:
        raise ValidationError({"position": "A position is 0 or more."})
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = Recomputation.objects.select_for_update().get(pk=recomputation.pk)
        fresh.position = position
        fresh.save(update_fields=["position"])
        if fresh.state in queries.IN_FORCE:
            _mark(fresh, "was put in another order", now)
    return fresh


def _step(actor: Actor, recomputation: Recomputation, state: str, reason: str, now: datetime) -> Recomputation:
    _check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = Recomputation.objects.select_for_update().get(pk=recomputation.pk)  # two deciders come one by one
        if state not in STEPS[fresh.state]:
            words = f"it is {fresh.get_state_display().lower()}"
            raise ValidationError(f"{fresh} cannot become {state}: {words}. Look at it again.", code="conflict")
        fresh.state, fresh.decision = state, reason.strip()
        fresh.decided_by, fresh.decided_at = actor.user, now
        fresh.save(update_fields=["state", "decision", "decided_by", "decided_at"])
        if state in (_APPROVED, _REVERTED):
            _mark(fresh, state, now)
    return fresh


def _mark(recomputation: Recomputation, what: str, now: datetime) -> None:
    window = queries.change_of(recomputation).days_window
    marks.mark_known(window, f"recomputation {recomputation.key} {what}", now)


def _check_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= 300:
        raise ValidationError({"reason": "Say why, in 1 to 300 characters."})
