"""How is the grid now: the facts of the home page, for one VO."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from gridkeeper.core.status import Status
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Service
from gridkeeper.registry.queries import downtimes_at, downtimes_next
from gridkeeper.selection.judge import Answer, answer
from gridkeeper.selection.rules import Verdict

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NEXT = timedelta(hours=48)
_MOST_BROKEN, _MOST_WORST = 12, 10
#: In the order in which the sums stand.
_ORDER = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.MISSING, Status.OK)


@dataclass(frozen=True, slots=True)
class Sum:
    """Series of one status now, and how many of them came to it in the last hour."""

    status: Status
    count: int
    recent: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A series that is bad, with the site it belongs to where one is registered."""

    row: LatestStatus
    service: Service | None


@dataclass(frozen=True, slots=True)
class Region:
    """A region in one line."""

    name: str
    good: int
    total: int
    failing: int


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the page."""

    vo: str
    answer: Answer
    sums: list[Sum]
    newly_bad: int
    broken: list[Broken]
    worst: list[Verdict]
    regions: list[Region]
    downtimes: list[Any]
    coming: list[Any]
    newest_at: datetime | None

    @property
    def good(self) -> int:
        return len(self.answer.good)

    @property
    def total(self) -> int:
        """Sites that offer the VO something that counts; the others are not in question."""
        return len([verdict for verdict in self.answer.verdicts if _is_in_question(verdict)])


def _is_in_question(verdict: Verdict) -> bool:
    return verdict.is_good or bool(verdict.services)


def read_home(vo: str, now: datetime) -> Home:
    """A dozen queries, whatever the size. Raises UnknownVoError."""
    found = answer(vo, now)
    mine = LatestStatus.objects.filter(vo__in=("", vo))
    broken = _broken(mine, now)
    judged = [verdict for verdict in found.verdicts if _is_in_question(verdict)]
    excluded = sorted((v for v in judged if not v.is_good), key=lambda v: (-len(v.reasons), v.site.name))
    return Home(
        vo=vo,
        answer=found,
        sums=_sums(mine, now),
        newly_bad=_newly_bad(excluded, now),
        broken=broken,
        worst=excluded[:_MOST_WORST],
        regions=_regions(judged),
        downtimes=list(downtimes_at(now)),
        coming=list(downtimes_next(now, until=now + _NEXT)),
        newest_at=mine.order_by("-executed_at").values_list("executed_at", flat=True).first(),
    )


def _sums(mine: Any, now: datetime) -> list[Sum]:
    recent = Count("pk", filter=Q(hard_since__gte=now - _HOUR))
    rows = mine.values_list("hard_status").annotate(number=Count("pk"), recent=recent)
    by_status = {Status(status): (number, new) for status, number, new in rows}
    return [Sum(status, *by_status[status]) for status in _ORDER if status in by_status]


def _broken(mine: Any, now: datetime) -> list[Broken]:
    """What broke in the last day, the newest first; consequences of something else are left out."""
    bad = mine.filter(hard_status__in=(Status.CRITICAL, Status.UNKNOWN), cause="", hard_since__gte=now - _DAY)
    rows = list(bad.order_by("-hard_since")[:_MOST_BROKEN])
    services = Service.objects.current().filter(hostname__in={row.hostname for row in rows})
    known = {(s.hostname, s.service_type.name): s for s in services.select_related("site__ngi", "service_type")}
    return [Broken(row, known.get((row.hostname, row.service_type))) for row in rows]


def _newly_bad(excluded: list[Verdict], now: datetime) -> int:
    """Sites all of whose reasons are younger than an hour."""
    count = 0
    for verdict in excluded:
        since = [reason.since for reason in verdict.reasons]
        count += bool(since) and all(moment is not None and moment >= now - _HOUR for moment in since)
    return count


def _regions(judged: list[Verdict]) -> list[Region]:
    good: Counter[str] = Counter()
    total: Counter[str] = Counter()
    failing: dict[str, int] = defaultdict(int)
    for verdict in judged:
        region = verdict.site.region
        total[region] += 1
        good[region] += verdict.is_good
        failing[region] += 0 if verdict.is_good else len(verdict.reasons)
    return [Region(name, good[name], total[name], failing[name]) for name in sorted(total)]
