"""The feed of changes: when a site, or one of its services, became good or bad for a VO, and why.

Judged every minute, because time itself excludes: results go stale, entries expire, downtimes begin. Replaying the
rows of a VO gives its good sites at any instant since the first of them.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, QuerySet

from gridkeeper.bus.locks import only_one
from gridkeeper.selection.judge import Answer, answer
from gridkeeper.selection.models import GoodChange
from gridkeeper.selection.rules import Kind
from gridkeeper.selection.signals import good_changed
from gridkeeper.vos.models import Vo

_LOCK = "selection-changes"
_GONE = "offers nothing critical any more"


class Subject(NamedTuple):
    """A site, or a service of it ("CE ce.example.org"); service "": the site."""

    site: str
    service: str = ""


class Standing(NamedTuple):
    """How a subject stands, and why in words."""

    is_good: bool
    reason: str


def standings_of(found: Answer) -> dict[Subject, Standing]:
    """Every site and service that the VO could use. A site that offers it nothing, and is on no list, is not in it."""
    standings: dict[Subject, Standing] = {}
    for verdict in found.verdicts:
        if not verdict.is_good and all(reason.kind is Kind.NOTHING_CRITICAL for reason in verdict.reasons):
            continue
        listed = verdict.entry.sentence if verdict.is_good and verdict.entry else "good"
        why = listed if verdict.is_good else "; ".join(reason.sentence for reason in verdict.reasons)
        standings[Subject(verdict.site.name)] = Standing(verdict.is_good, why)
        for each in verdict.services:
            why = "; ".join(reason.sentence for reason in each.reasons) or "good"
            standings[Subject(verdict.site.name, each.service.name)] = Standing(each.is_good, why)
    return standings


def differences(
    before: Mapping[Subject, bool], after: Mapping[Subject, Standing]
) -> Iterator[tuple[Subject, Standing]]:
    """What changed: new subjects, those that changed sides, and good ones that are no more.

    >>> list(differences({Subject("A"): True}, {}))
    [(Subject(site='A', service=''), Standing(is_good=False, reason='offers nothing critical any more'))]
    """
    for subject, standing in after.items():
        if before.get(subject) is not standing.is_good:
            yield subject, standing
    for subject, was_good in before.items():
        if was_good and subject not in after:
            yield subject, Standing(is_good=False, reason=_GONE)


def note_changes(now: datetime) -> int:
    """Judges every VO and writes what changed since the last time; returns how many rows."""
    with only_one(_LOCK) as is_mine:
        if not is_mine:
            return 0
        return sum(_note(vo, now) for vo in Vo.objects.current().values_list("name", flat=True))


def _note(vo: str, now: datetime) -> int:
    known = last_known(vo)
    changed = list(differences(known, standings_of(answer(vo, now))))
    if not changed:
        return 0
    rows = [
        GoodChange(
            vo=vo, site=subject.site, service=subject.service[:400], is_good=standing.is_good,
            reason=standing.reason[:500], at=now,
        )
        for subject, standing in changed
    ]  # fmt: skip
    with transaction.atomic():
        made = GoodChange.objects.bulk_create(rows)
        if known:
            good_changed.send(sender=None, changes=made)
    return len(made)


def last_known(vo: str, at: datetime | None = None) -> dict[Subject, bool]:
    """How each subject stood by the feed, last or at an instant."""
    rows = GoodChange.objects.filter(vo=vo)
    if at is not None:
        rows = rows.filter(at__lte=at)
    # ids grow with time: one judge writes
    last = rows.order_by().values("site", "service").annotate(last=Max("pk")).values("last")
    found = GoodChange.objects.filter(pk__in=last).values_list("site", "service", "is_good")
    return {Subject(site, service): is_good for site, service, is_good in found}


def changes_of(vo: str, *, sites_only: bool = False) -> "QuerySet[GoodChange]":
    """The feed, newest first."""
    rows = GoodChange.objects.filter(vo=vo)
    return rows.filter(service="") if sites_only else rows


def forget(before: datetime) -> int:
    """Deletes rows of before, but for the last of each subject, which says how it stands; returns how many."""
    rows = GoodChange.objects.order_by().values("vo", "site", "service").annotate(last=Max("pk"))
    last = list(rows.values_list("last", flat=True))
    return GoodChange.objects.filter(at__lt=before).exclude(pk__in=last).delete()[0]
