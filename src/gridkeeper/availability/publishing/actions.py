"""Publishing a month's figures. A version is never changed; a correction is the next one, and says what and why."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from gridkeeper.availability import marks, permissions
from gridkeeper.availability.models import Computation, ComputationState, PublishedReport, Recomputation
from gridkeeper.availability.months import Month
from gridkeeper.availability.publishing import queries
from gridkeeper.availability.publishing.document import canonical, checksum_of, differences, month_document
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require


def publish(actor: Actor, *, report: str, month: Month, now: datetime, reason: str = "") -> PublishedReport:
    """The next version of a month's figures, with what differs from the version before.

    reason: why there is another version; needed from the second on

    Raises NotPermittedError, ValidationError where the month is not over or not computed, where nothing has changed
    since, or where the reason is missing.
    """
    require(actor, permissions.PUBLISH)
    _check_complete(report, month, now)
    document = month_document(report, month)
    if not document["figures"]:
        raise ValidationError(f"{report} has no figures of {month.title}; compute its days first.")
    before = queries.newest(report, month)
    text = canonical(document)
    if before is not None:
        _check_correction(before, checksum_of(text), reason)
    changes = explained(before, document, now) if before else []
    row = PublishedReport(
        report=report, month=str(month), version=before.version + 1 if before else 1, published_at=now,
        author=actor.user, reason=reason.strip(), document=text, checksum=checksum_of(text), changes=changes,
    )  # fmt: skip
    try:
        with transaction.atomic(), recording(actor, row.reason or "published"):
            row.save(force_insert=True)
            if before is not None:
                PublishedReport.objects.filter(pk=before.pk).update(outdated_since=None)
    except IntegrityError as error:
        raise ValidationError("Somebody was faster and published this month; look again.", code="conflict") from error
    return row


def _check_complete(report: str, month: Month, now: datetime) -> None:
    if now < month.window.end:
        raise ValidationError(f"{month.title} is not over; publish it from {month.window.end:%Y-%m-%d} on.")
    days = set(month.days())
    waiting = sorted(days & set(marks.waiting_days()))
    rows = Computation.objects.filter(day__in=days, report=report)
    failed = sorted(row.day for row in rows if row.state == ComputationState.FAILED)
    for words, which in (("wait to be computed", waiting), ("could not be computed", failed)):
        if which:
            named = ", ".join(str(day) for day in which[:5])
            raise ValidationError(f"{len(which)} days {words}: {named}. See the computations, then publish.")


def _check_correction(before: PublishedReport, checksum: str, reason: str) -> None:
    if before.checksum == checksum:
        raise ValidationError(f"Nothing has changed since version {before.version}; there is nothing to publish.")
    if not 1 <= len(reason.strip()) <= 300:
        raise ValidationError({"reason": "Say why there is another version, in 1 to 300 characters."})


def explained(before: PublishedReport, document: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """`document.differences` with "because": the recomputations and other changes of those days since then."""
    found = differences(queries.content(before), document)
    touched = sorted({day for change in found for day in change["days"]})
    reasons = _reasons(touched, before.published_at, now)
    for change in found:
        days = change["days"] or touched
        change["because"] = list(dict.fromkeys(text for day in days for text in reasons.get(day, [])))
    return found


def _reasons(days: list[str], since: datetime, now: datetime) -> dict[str, list[str]]:
    """Day -> why its figures were made again after `since`."""
    rows = Recomputation.objects.filter(Q(decided_at__gt=since), decided_at__lte=now).order_by("decided_at")
    reasons: dict[str, list[str]] = {}
    for row in rows:
        first, last = row.start.date().isoformat(), row.end.date().isoformat()
        word = row.get_state_display().partition(";")[0].lower()
        text = f"recomputation {row.key} ({word}): {row.reason}"
        for day in days:
            if first <= day <= last:
                reasons.setdefault(day, []).append(text)
    for day, text in marks.reasons_since(days, since).items():
        if not text.startswith("recomputation "):
            reasons.setdefault(day, []).append(text)
    return reasons
