"""What people do with profiles and reports: create, save another version, close. Figures follow by themselves.

A version holds from a day on, which may lie in the past: the days that it touches are computed again.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from gridkeeper.availability import marks
from gridkeeper.availability.models import Profile, ProfileKind, ProfileVersion
from gridkeeper.availability.permissions import EDIT_PROFILE
from gridkeeper.availability.profiles.checks import check_day, checked, reports_with
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import check_reason, store_new

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
#: A word of our own addresses.
_TAKEN = frozenset({"new"})


def create(
    actor: Actor, *, kind: str, name: str, document: Mapping[str, Any], valid_from: date, reason: str, now: datetime
) -> ProfileVersion:
    """A new profile or report with its first version. Raises NotPermittedError, ValidationError."""
    require(actor, EDIT_PROFILE)
    check_reason(reason)
    known = _kind(kind)
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise ValidationError(
            {"name": "Use letters, digits, dot, underscore and hyphen, a letter or digit first; not new."}
        )
    check_day(valid_from, now)
    parsed = checked(known, name, document)
    with transaction.atomic(), recording(actor, reason.strip()):
        profile = Profile(kind=known, name=name)
        profile.full_clean()
        store_new(profile)
        return _add(actor, profile, parsed.document(), valid_from, reason, now)


def save_version(
    actor: Actor,
    *,
    profile: Profile,
    document: Mapping[str, Any],
    valid_from: date,
    reason: str,
    now: datetime,
    seen: int | None = None,
) -> ProfileVersion:
    """Another version, by which every day from `valid_from` on is judged.

    seen: number of the version that the person edited. Raises NotPermittedError, and ValidationError: for what is wrong
    with the document, for one that says nothing new, and (code "conflict") where there is a newer version than `seen`.
    """
    require(actor, EDIT_PROFILE, profile)
    check_reason(reason)
    check_day(valid_from, now)
    parsed = checked(ProfileKind(profile.kind), profile.name, document).document()
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _locked(profile)
        last = fresh.versions.order_by("-number").first()
        if last is not None and seen is not None and last.number != seen:
            raise ValidationError(
                f"Somebody was faster: {fresh} has version {last.number} by now. Compare, and send yours again.",
                code="conflict",
            )
        if last is not None and last.document == parsed and last.valid_from <= valid_from:
            raise ValidationError("It says what the version before says; change something, or leave it as it is.")
        return _add(actor, fresh, parsed, valid_from, reason, now)


def close(actor: Actor, *, profile: Profile, reason: str, now: datetime) -> Profile:
    """From the next UTC day on nothing is judged by it; days before stand.

    Raises NotPermittedError, and ValidationError where a report names it or it is closed already.
    """
    require(actor, EDIT_PROFILE, profile)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = _locked(profile)
        users = sorted(reports_with(ProfileKind(fresh.kind), fresh.name))
        if users:
            raise ValidationError(f"{', '.join(users)} would be judged by nothing; edit or close that first.")
        fresh.closed_at = now
        fresh.save(update_fields=["closed_at"])
    return fresh


def _kind(text: str) -> ProfileKind:
    if text not in ProfileKind.values:
        raise ValidationError({"kind": f"{text!r} is no kind of profile; choose of {', '.join(ProfileKind.values)}."})
    return ProfileKind(text)


def _locked(profile: Profile) -> Profile:
    """The row, locked: of two who save at once the second finds the version of the first."""
    fresh = Profile.objects.select_for_update().get(pk=profile.pk)
    if fresh.closed_at is not None:
        raise ValidationError(f"{fresh} was closed on {fresh.closed_at:%Y-%m-%d}; make a new one of another name.")
    return fresh


def _add(
    actor: Actor, profile: Profile, document: Mapping[str, Any], valid_from: date, reason: str, now: datetime
) -> ProfileVersion:
    last = profile.versions.aggregate(number=Max("number"))["number"] or 0
    version = ProfileVersion.objects.create(
        profile=profile, number=last + 1, valid_from=valid_from, document=dict(document), reason=reason.strip(),
        author=actor.user, created_at=now,
    )  # fmt: skip
    start = Window.of_day(valid_from).start
    if start < now:
        marks.mark_known(Window(start, now), f"{profile.get_kind_display().lower()} {version}", now)
    return version
