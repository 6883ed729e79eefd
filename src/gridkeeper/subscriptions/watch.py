"""Notices of what tests say: a test fails, is good again, a site or service becomes good or bad for a VO.

What fails in a downtime, as a consequence of something else, or while it flaps, tells nobody.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.urls import reverse

from gridkeeper.core.status import UP, Status
from gridkeeper.probes.models import Flapping, LatestStatus
from gridkeeper.registry.models import Downtime, Service, Site
from gridkeeper.selection.models import GoodChange
from gridkeeper.subscriptions.models import Notice, Subscription
from gridkeeper.subscriptions.notices import is_wanted, keep
from gridkeeper.subscriptions.rules import STALE, wants
from gridkeeper.subscriptions.texts import Words
from gridkeeper.subscriptions.touched import touched_by_services

FAILED, RECOVERED = "status.failed", "status.recovered"
#: Notices of one pass; the rest is told by the next.
_AT_ONCE = 1000


def note_statuses(now: datetime) -> int:
    """Tells of tests that began to fail or are good again; each once, however often this runs. Returns how many."""
    since = _since(now)
    if since is None:
        return 0
    rows = LatestStatus.objects.filter(hard_since__gt=since, hard_since__lte=now, cause="")
    rows = rows.exclude(series__in=Flapping.objects.values("series")).order_by("hard_since", "series")
    found = [row for row in _untold(list(rows)) if not _is_resting(row, now)]
    for row in found[:_AT_ONCE]:
        with transaction.atomic():
            _tell_status(row, now)
    return min(len(found), _AT_ONCE)


def _since(now: datetime) -> datetime | None:
    """From when on somebody wants to know; None where nobody does. What was before their subscription is no news."""
    rows = Subscription.objects.filter(paused_at=None).values_list("kinds", "created_at")
    asked = [at for kinds, at in rows if wants(kinds, FAILED) or wants(kinds, RECOVERED)]
    return max(min(asked), now - STALE) if asked else None


def _untold(rows: Sequence[LatestStatus]) -> list[LatestStatus]:
    """Failures without a notice of their own, and recoveries from a failure that was told."""
    names = {_name(row): row for row in rows}
    told = set(Notice.objects.filter(event__in=names).values_list("event", flat=True))
    fresh = [row for name, row in names.items() if name not in told]
    threads = [_thread(row) for row in fresh if Status(row.hard_status) in UP]
    told_failures = Notice.objects.filter(thread__in=threads, kind__in=(FAILED, RECOVERED)).order_by("at", "pk")
    last = dict(told_failures.values_list("thread", "kind"))
    return [row for row in fresh if Status(row.hard_status) not in UP or last.get(_thread(row)) == FAILED]


def _name(row: LatestStatus) -> str:
    return f"status:{row.series}:{row.hard_since.isoformat()}:{row.hard_status}"


def _thread(row: LatestStatus) -> str:
    return f"series-{row.series}"


def _is_resting(row: LatestStatus, now: datetime) -> bool:
    """True while its service is in a declared downtime, or is not monitored any more."""
    service = _service_of(row)
    if service is None or not service.is_monitored:
        return True
    resting = Downtime.objects.filter(cancelled_at=None, start__lte=now, end__gt=now, affected__service=service)
    return resting.exists()


def _service_of(row: LatestStatus) -> Service | None:
    found = Service.objects.current().filter(hostname=row.hostname, service_type__name=row.service_type)
    return found.select_related("site").first()


def _tell_status(row: LatestStatus, now: datetime) -> None:
    service = _service_of(row)
    assert service is not None, "what rests was left out"
    status = Status(row.hard_status)
    view = f" for {row.vo}" if row.vo else ""
    title = f"{row.metric} on {row.hostname}{view} is {status.name} ({service.site.name})"
    lines = [
        row.summary, "", f"Site:    {service.site.name}", f"Service: {row.service_type} {row.hostname}",
        f"Test:    {row.metric}{view}", f"Since:   {row.hard_since:%Y-%m-%d %H:%M} UTC",
    ]  # fmt: skip
    detail = {
        "site": service.site.name, "hostname": row.hostname, "service_type": row.service_type, "metric": row.metric,
        "vo": row.vo, "status": status.name, "summary": row.summary, "series": str(row.series), "worker": row.worker,
    }  # fmt: skip
    path = reverse("portal:result_latest", args=[row.series])
    words = Words(title[:300], "\n".join(lines).strip(), path, _thread(row))
    kind = RECOVERED if status in UP else FAILED
    touched = _only_vo(touched_by_services([service]), row.vo) if row.vo else touched_by_services([service])
    keep(_name(row), kind, words, touched, row.hard_since, now, detail=detail)


def _only_vo(touched: Iterable[str], vo: str) -> list[str]:
    """What it touches, of VOs only that one."""
    return sorted({*(name for name in touched if not name.startswith("vo:")), f"vo:{vo}"})


def on_good_changed(sender: Any, changes: Sequence[GoodChange], **_: Any) -> None:
    """Changes of good sites, inside the transaction that writes them: both are kept, or neither."""
    kinds = {_kind(change) for change in changes}
    wanted = {kind for kind in kinds if is_wanted(kind)}
    for change in changes:
        if _kind(change) in wanted:
            _tell_change(change)


def _kind(change: GoodChange) -> str:
    return f"good_{'service' if change.service else 'site'}.{'in' if change.is_good else 'out'}"


def _tell_change(change: GoodChange) -> None:
    what = f"{change.service} of {change.site}" if change.service else change.site
    became = "is good" if change.is_good else "is good no longer"
    detail = {
        "vo": change.vo, "site": change.site, "service": change.service, "is_good": change.is_good,
        "reason": change.reason,
    }  # fmt: skip
    path = f"{reverse('selection:sites')}?{urlencode({'vo': change.vo, 'q': change.site, 'show': 'all'})}"
    words = Words(
        f"{what} {became} for {change.vo}"[:300], change.reason, path[:300], f"good-{change.vo}-{change.site}"[:200]
    )
    name = f"good:{change.pk}"
    keep(name, _kind(change), words, _touched_by_change(change), change.at, change.at, detail=detail)


def _touched_by_change(change: GoodChange) -> list[str]:
    service_type, _, hostname = change.service.partition(" ")
    if change.service:
        services = Service.objects.current().filter(
            site__name=change.site, hostname=hostname, service_type__name=service_type
        )
        return _only_vo(touched_by_services(services), change.vo)
    site = Site.objects.current().filter(name=change.site).first()
    return _only_vo(site.lineage() if site else [], change.vo)
