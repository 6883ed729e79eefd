"""Asking for a change of what decides good sites: made at once, or kept until a second manager of the VO agrees."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.registry.models import Site
from gridkeeper.selection import actions
from gridkeeper.selection.errors import UnknownSubjectError
from gridkeeper.selection.models import ListEntry, Proposal, ProposalState
from gridkeeper.selection.permissions import DECIDE, EDIT_LISTS, SET_CRITICAL, SET_POLICY
from gridkeeper.selection.wishes import Wish
from gridkeeper.vos.models import Vo

#: Open proposals of a VO at once; more would hide each other.
_MOST_OPEN = 50


def ask(actor: Actor, *, vo: Vo, wish: Wish, reason: str, now: datetime) -> Proposal | None:
    """Makes the change, or proposes it where the VO wants two. None: it is made.

    Raises NotPermittedError, ValidationError by field, UnknownSubjectError.
    """
    _require_all(actor, vo, wish)
    if not wish.sentences:
        raise ValidationError("Nothing would change; choose what is to be different.")
    if not reason.strip():
        raise ValidationError({"reason": "Give the reason; it is recorded with the change."})
    if len(reason) > 300:
        raise ValidationError({"reason": f"The reason has {len(reason)} characters; 300 are kept, shorten it."})
    if actor.is_system or not actions.policy_of(vo).needs_approval:
        with transaction.atomic():
            make(actor, vo=vo, wish=wish, reason=reason, now=now)
        return None
    return _propose(actor, vo, wish, reason, now)


def _propose(actor: Actor, vo: Vo, wish: Wish, reason: str, now: datetime) -> Proposal:
    _require_possible(wish)
    with transaction.atomic(), recording(actor, reason):
        Vo.objects.select_for_update().get(pk=vo.pk)
        standing = Proposal.objects.filter(vo=vo, state=ProposalState.OPEN)
        if standing.count() >= _MOST_OPEN:
            raise ValidationError(f"{_MOST_OPEN} proposals of {vo.name} wait already; decide on some first.")
        if any(each.change == wish.as_json() for each in standing):
            raise ValidationError("The very same is proposed already and waits for another manager.")
        return Proposal.objects.create(
            vo=vo, change=wish.as_json(), reason=reason.strip(), author=actor.user, created_at=now
        )


def _require_all(actor: Actor, vo: Vo, wish: Wish) -> None:
    for permission, part in (
        (SET_CRITICAL, wish.critical), (EDIT_LISTS, wish.add or wish.remove), (SET_POLICY, wish.policy),
    ):  # fmt: skip
        if part or not wish.sentences:
            require(actor, permission, vo)


def _require_possible(wish: Wish) -> None:
    """What could never be made is refused when it is asked for, not when somebody agrees."""
    for change in wish.critical:
        actions.find_test(change.test)
        actions.find_service_type(change.service_type)
    for listing in wish.add:
        _site(listing.site)


def make(actor: Actor, *, vo: Vo, wish: Wish, reason: str, proposal: Proposal | None = None, now: datetime) -> None:
    """Every part of the wish, or none. Raises what the actions raise."""
    with transaction.atomic():
        if wish.critical:
            actions.set_critical_tests(actor, vo=vo, changes=wish.critical, reason=reason, proposal=proposal, now=now)
        for removal in wish.remove:
            entry = ListEntry.objects.filter(pk=removal.entry, vo=vo).first()
            if entry is not None:
                actions.remove_from_list(actor, entry=entry, reason=reason, proposal=proposal, now=now)
        for listing in wish.add:
            actions.add_to_list(
                actor, vo=vo, site=_site(listing.site), kind=listing.kind, reason=listing.reason,
                expires_at=listing.expires_at, proposal=proposal, now=now,
            )  # fmt: skip
        if wish.policy:
            actions.set_policy(actor, vo=vo, change=wish.policy, reason=reason, proposal=proposal, now=now)


def _site(key: str) -> Site:
    found = Site.objects.current().filter(key=key).first()
    if found is None:
        raise UnknownSubjectError(f"there is no site with the key {key!r} any more; /api/v1/sites lists them")
    return found


def approve(actor: Actor, *, proposal: Proposal, decision: str = "", now: datetime) -> None:
    """Agrees and makes the change, both or neither. The author cannot be the one who agrees.

    Raises NotPermittedError, ValidationError where it was decided before or cannot be made any more.
    """
    require(actor, DECIDE, proposal.vo)
    if actor.user is not None and actor.user.pk == proposal.author_id:
        raise NotPermittedError(f"{actor.name} proposed it; another manager of {proposal.vo.name} must agree")
    with transaction.atomic():
        decided = _decide(actor, proposal, ProposalState.APPROVED, decision, now)
        why = f"{proposal.reason} (proposed by {proposal.author or 'a closed account'})"
        make(actor, vo=proposal.vo, wish=Wish.from_json(decided.change), reason=why[:300], proposal=decided, now=now)


def reject(actor: Actor, *, proposal: Proposal, decision: str, now: datetime) -> None:
    """Says no, with the reason. Raises NotPermittedError, ValidationError."""
    require(actor, DECIDE, proposal.vo)
    if not decision.strip():
        raise ValidationError({"decision": "Say why not; the author reads it."})
    _decide(actor, proposal, ProposalState.REJECTED, decision, now)


def withdraw(actor: Actor, *, proposal: Proposal, now: datetime) -> None:
    """Takes back one's own proposal. Raises NotPermittedError, ValidationError."""
    if actor.user is None or actor.user.pk != proposal.author_id:
        raise NotPermittedError(f"{actor.name} did not propose it; reject it instead")
    require(actor, DECIDE, proposal.vo)
    _decide(actor, proposal, ProposalState.WITHDRAWN, "", now)


def _decide(actor: Actor, proposal: Proposal, state: ProposalState, decision: str, now: datetime) -> Proposal:
    """Two who decide at once: the second finds it decided."""
    with transaction.atomic(), recording(actor, decision or state.label):
        standing = Proposal.objects.select_for_update().filter(pk=proposal.pk, state=ProposalState.OPEN).first()
        if standing is None:
            raise ValidationError("Somebody decided on it before; nothing was changed now.")
        standing.state, standing.decided_by, standing.decided_at = state, actor.user, now
        standing.decision = decision.strip()[:300]
        standing.save()
    return standing
