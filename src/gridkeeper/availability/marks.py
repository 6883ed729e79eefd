"""Which days are to be computed: marked when facts, downtimes or the topology of a day change after it was computed."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from gridkeeper.availability.models import Computation, ComputationState, DayMark
from gridkeeper.core.windows import DAY, Window, as_utc

#: A day that is being marked again and again (history coming in) is left alone until it is quiet for so long,
_QUIET = timedelta(seconds=15)
#: but computed after so long all the same.
_LONGEST_WAIT = timedelta(minutes=10)
#: A day of which a report could not be computed is tried again after so long, unless something of it changes before.
_RETRY = timedelta(minutes=10)
#: Today is made so long after the last time at the earliest: its figures are to follow results within a minute,
_TODAY = timedelta(seconds=25)
#: but take no more than this part of the time.
_SHARE_OF_TIME = 20


def mark(days: Iterable[date], reason: str, now: datetime) -> None:
    """Facts of these days changed: they, and the days after them (carry-over), are to be computed."""
    today = as_utc(now).date()
    touched = {day for each in days for day in (each, each + DAY) if day <= today}
    DayMark.objects.bulk_create(
        [DayMark(day=day, reason=reason[:200], marked_at=now) for day in sorted(touched)],
        update_conflicts=True,
        update_fields=["reason", "marked_at"],
        unique_fields=["day"],
    )


def mark_known(window: Window, reason: str, now: datetime) -> None:
    """What is judged by changed in the window: those of its days that have figures are to be computed again."""
    last = (window.end - timedelta(microseconds=1)).date()
    known = DayMark.objects.filter(day__gte=window.start.date(), day__lte=last)
    known.update(marked_at=now, reason=reason[:200])


def mark_one(day: date, reason: str, now: datetime) -> None:
    """This day alone is to be computed, whether it has figures or not."""
    defaults = {"reason": reason[:200], "marked_at": now}
    DayMark.objects.update_or_create(day=day, defaults=defaults)


def is_waiting(mark: DayMark) -> bool:
    """True where the day's figures are older than what they are made of."""
    return mark.computed_at is None or mark.computed_at < mark.marked_at


def begun(days: Iterable[date], now: datetime) -> None:
    """The days are being computed: until that is complete they count as marked, so that a crash is made good."""
    for day in days:
        found, is_new = DayMark.objects.get_or_create(day=day, defaults={"reason": "first computed", "marked_at": now})
        if not is_new and found.computed_at is not None and found.computed_at >= found.marked_at:
            unmarked = DayMark.objects.filter(pk=found.pk, marked_at=found.marked_at)
            unmarked.update(marked_at=now, reason="computed again")


def computed(days: Iterable[date], started_at: datetime, took_s: float) -> None:
    """The days were computed from the facts as of `started_at`; a mark of later stands."""
    for day in days:
        DayMark.objects.update_or_create(
            day=day,
            defaults={"computed_at": started_at, "took_ms": int(took_s * 1000)},
            create_defaults={
                "reason": "computed",
                "marked_at": started_at,
                "computed_at": started_at,
                "took_ms": int(took_s * 1000),
            },
        )


def stale_days(now: datetime) -> list[date]:
    """The past days whose figures are older than what they are made of, newest first."""
    today = as_utc(now).date()
    is_older = Q(computed_at=None) | Q(computed_at__lt=F("marked_at"))
    is_settled = Q(marked_at__lte=now - _QUIET) | Q(computed_at__lt=now - _LONGEST_WAIT)
    marked = DayMark.objects.filter(is_older & is_settled, day__lt=today).values_list("day", flat=True)
    unfinished = [
        mark.day
        for mark in DayMark.objects.filter(day__lt=today, day__gte=today - 2 * DAY).exclude(computed_at=None)
        if mark.computed_at is not None and mark.computed_at < Window.of_day(mark.day).end
    ]
    return sorted({*marked, *unfinished} - _failed_lately(now), reverse=True)


def _failed_lately(now: datetime) -> set[date]:
    """Days that would fail again: nothing of theirs changed since the last attempt, which was not long ago."""
    rows = Computation.objects.filter(state=ComputationState.FAILED, started_at__gt=now - _RETRY)
    tried = {row.day: row.started_at for row in rows if row.started_at is not None}
    marked = DayMark.objects.filter(day__in=tried).values_list("day", "marked_at")
    return {day for day, marked_at in marked if marked_at <= tried[day]}


def waiting_days() -> list[date]:
    """Every day whose figures are older than what they are made of, settled or not, oldest first."""
    is_older = Q(computed_at=None) | Q(computed_at__lt=F("marked_at"))
    return list(DayMark.objects.filter(is_older).order_by("day").values_list("day", flat=True))


def reasons_since(days: Iterable[str], since: datetime) -> dict[str, str]:
    """Of days (2026-03-01) that were marked after `since`: why the last time."""
    marked = DayMark.objects.filter(day__in=list(days), marked_at__gt=since)
    return {mark.day.isoformat(): mark.reason for mark in marked}


def is_today_due(now: datetime) -> bool:
    """True where today's figures may be made again: not more often than _TODAY, nor than _SHARE_OF_TIME allows."""
    found = DayMark.objects.filter(day=as_utc(now).date()).first()
    if found is None or found.computed_at is None:
        return True
    return now - found.computed_at >= max(_TODAY, timedelta(milliseconds=_SHARE_OF_TIME * found.took_ms))


def on_days_touched(sender: Any, days: Iterable[date], **kwargs: Any) -> None:
    mark(days, "late results", timezone.now())


def on_downtimes_changed(sender: Any, window: Window, **kwargs: Any) -> None:
    mark_known(window, "a downtime changed", timezone.now())


def on_topology_changed(sender: Any, since: datetime, **kwargs: Any) -> None:
    now = timezone.now()
    if as_utc(since) < now:
        mark_known(Window(since, now), "the topology changed", now)
