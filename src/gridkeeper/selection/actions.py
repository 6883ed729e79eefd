"""Changes of what decides good sites: critical tests, list entries, policy. Every one is permitted, dated and audited.

Where the VO wants a second manager's word, each takes the approved proposal that asks for it, and refuses without
(`proposals` makes and decides them).
"""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.models import ServiceType, Site
from gridkeeper.selection.errors import ApprovalNeededError, UnknownSubjectError
from gridkeeper.selection.models import ListEntry, ListKind, Proposal, ProposalState, SelectionPolicy
from gridkeeper.selection.permissions import EDIT_LISTS, SET_CRITICAL, SET_POLICY
from gridkeeper.selection.profiles import Profile, profile_at
from gridkeeper.selection.wishes import CriticalChange, PolicyChange
from gridkeeper.vos.models import Vo

#: A result of a month ago says nothing of today.
_OLDEST_S = 31 * 86_400


def set_critical(
    actor: Actor, *, vo: Vo, service_type: str, test: str, is_critical: bool, reason: str = "", now: datetime
) -> None:
    """One change of `set_critical_tests`."""
    change = CriticalChange(service_type, test, is_critical)
    set_critical_tests(actor, vo=vo, changes=[change], reason=reason, now=now)


def policy_of(vo: Vo) -> SelectionPolicy:
    """How the VO chooses; what every VO begins with where it has said nothing."""
    return SelectionPolicy.objects.filter(vo=vo).first() or SelectionPolicy(vo=vo)


def _require_second(actor: Actor, vo: Vo, proposal: Proposal | None) -> None:
    """Raises ApprovalNeededError where the VO wants two for a change and only one asks for it."""
    if actor.is_system or not policy_of(vo).needs_approval:
        return
    if proposal is None or proposal.state != ProposalState.APPROVED or proposal.vo_id != vo.pk:
        raise ApprovalNeededError(f"changes of {vo.name} wait for another manager's approval; propose it instead")


def set_critical_tests(
    actor: Actor,
    *,
    vo: Vo,
    changes: Sequence[CriticalChange],
    reason: str = "",
    proposal: Proposal | None = None,
    now: datetime,
) -> int:
    """Closes the profile's entries that change and opens others from `now` on; returns how many changed.

    A VO that used the operations VO's profile takes it over as its own first, else one change would leave it with
    one test. What the profile says already changes nothing. Raises UnknownSubjectError, NotPermittedError,
    ApprovalNeededError.
    """
    require(actor, SET_CRITICAL, vo)
    _require_second(actor, vo, proposal)
    with transaction.atomic(), recording(actor, reason):
        # Two managers who change one profile at once: the second waits here, then sees what the first wrote.
        Vo.objects.select_for_update().get(pk=vo.pk)
        profile = profile_at(vo.name, now)
        effective = [change for change in changes if _is_effective(profile, change)]
        if effective and profile.is_borrowed:
            _take_over(profile, vo, actor, now)
        for change in effective:
            _replace_entry(change, vo, actor, now)
    return len(effective)


def _is_effective(profile: Profile, change: CriticalChange) -> bool:
    find_test(change.test)
    find_service_type(change.service_type)
    return profile.has_critical(change.service_type, change.test) is not change.is_critical


def _take_over(profile: Profile, vo: Vo, actor: Actor, now: datetime) -> None:
    for line in profile.lines:
        _open_entry(vo, find_service_type(line.service_type), line.test, actor, now, is_critical=line.is_critical)


def _replace_entry(change: CriticalChange, vo: Vo, actor: Actor, now: datetime) -> None:
    kind, test = find_service_type(change.service_type), find_test(change.test)
    for entry in ProfileEntry.objects.current().filter(vo=vo, service_type=kind, test=test):
        entry.valid_until = max(now, entry.valid_from)
        entry.save()
    _open_entry(vo, kind, test, actor, now, is_critical=change.is_critical)


def _open_entry(vo: Vo, kind: ServiceType, test: Test, actor: Actor, now: datetime, *, is_critical: bool) -> None:
    ProfileEntry.objects.create(
        vo=vo, service_type=kind, test=test, is_critical=is_critical, author=actor.user, valid_from=now
    )


def add_to_list(
    actor: Actor,
    *,
    vo: Vo,
    site: Site,
    kind: str,
    reason: str,
    expires_at: datetime | None = None,
    proposal: Proposal | None = None,
    now: datetime,
) -> ListEntry:
    """Puts a site on the white or the black list of a VO.

    Raises ValidationError by field, NotPermittedError, ApprovalNeededError.

    An entry that has expired makes room; one that holds does not: remove it first, so that its end is recorded.
    """
    require(actor, EDIT_LISTS, vo)
    _require_second(actor, vo, proposal)
    author = proposal.author if proposal else actor.user
    _check_entry(kind, reason, expires_at, now)
    with transaction.atomic(), recording(actor, reason):
        for old in ListEntry.objects.select_for_update().filter(vo=vo, site=site, removed_at=None):
            _make_room(old, now)
        return ListEntry.objects.create(
            vo=vo, site=site, kind=kind, reason=reason.strip(), author=author, created_at=now, expires_at=expires_at
        )


def _check_entry(kind: str, reason: str, expires_at: datetime | None, now: datetime) -> None:
    errors: dict[str, str] = {}
    if kind not in ListKind.values:
        errors["kind"] = f"{kind!r} is no list; use {' or '.join(ListKind.values)}"
    if not reason.strip():
        errors["reason"] = "Give the reason; it is shown to the site."
    elif len(reason) > 300:
        errors["reason"] = f"The reason has {len(reason)} characters; 300 are kept, shorten it."
    if expires_at is not None and expires_at <= now:
        errors["expires_at"] = "It would have expired already; give a later time, or none."
    if errors:
        raise ValidationError(errors)


def _make_room(old: ListEntry, now: datetime) -> None:
    if old.expires_at is None or old.expires_at > now:
        where = f"{old.site.name} stands on the {old.kind} list of {old.vo.name} already"
        raise ValidationError({"site": f"{where}; remove that entry first."})
    old.removed_at = old.expires_at
    old.save()


def remove_from_list(
    actor: Actor, *, entry: ListEntry, reason: str, proposal: Proposal | None = None, now: datetime
) -> bool:
    """Ends a list entry; it stays readable. False where somebody else ended it first."""
    require(actor, EDIT_LISTS, entry.vo)
    _require_second(actor, entry.vo, proposal)
    if not reason.strip():
        raise ValidationError({"reason": "Give the reason; it is recorded with the change."})
    with transaction.atomic(), recording(actor, reason):
        standing = ListEntry.objects.select_for_update().filter(pk=entry.pk, removed_at=None).first()
        if standing is None:
            return False
        standing.removed_at = now
        standing.save()
    return True


def set_policy(
    actor: Actor, *, vo: Vo, change: PolicyChange, reason: str, proposal: Proposal | None = None, now: datetime
) -> SelectionPolicy:
    """How the VO chooses from `now` on. Also this needs the second manager, or one could do away with the other.

    Raises ValidationError by field, NotPermittedError, ApprovalNeededError.
    """
    require(actor, SET_POLICY, vo)
    _require_second(actor, vo, proposal)
    if not reason.strip():
        raise ValidationError({"reason": "Give the reason; it is recorded with the change."})
    if not 0 <= change.freshest_s <= _OLDEST_S:
        raise ValidationError({"freshest_s": f"Give 0 (each test's validity) to {_OLDEST_S} seconds."})
    with transaction.atomic(), recording(actor, reason):
        policy, _ = SelectionPolicy.objects.select_for_update().get_or_create(vo=vo)
        policy.needs_approval, policy.freshest_s = change.needs_approval, change.freshest_s
        policy._history_date = now  # type: ignore[attr-defined]
        policy.save()
    return policy


def find_test(name: str) -> Test:
    """The test of that name. Raises UnknownSubjectError."""
    found = Test.objects.filter(name=name).first()
    if found is None:
        raise UnknownSubjectError(f"there is no test {name!r}; /api/v1/tests lists them")
    return found


def find_service_type(name: str) -> ServiceType:
    """The service type of that name. Raises UnknownSubjectError."""
    found = ServiceType.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(ServiceType.objects.values_list("name", flat=True)[:30])
        raise UnknownSubjectError(f"there is no service type {name!r}; known are {known or 'none yet'}")
    return found
