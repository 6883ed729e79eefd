"""How is the grid now: the facts of the home page, for one VO."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from gridkeeper.availability import queries as availability
from gridkeeper.availability.rules import grade
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Downtime, Service, Severity
from gridkeeper.registry.queries import downtimes_at, downtimes_next
from gridkeeper.selection.judge import Answer, answer
from gridkeeper.selection.rules import Kind, Reason, SiteFacts, Verdict

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NEXT = timedelta(hours=48)
_MOST_BROKEN, _MOST_WORST = 10, 10
#: A site that goes down breaks dozens of tests at once; more than these is an outage of the whole grid.
_MOST_READ = 500
_STRIP_HOURS = 24
#: What a grade of availability looks like in a strip.
_GRADES = {"full": Status.OK, "good": Status.OK, "near": Status.WARNING, "low": Status.CRITICAL, "none": Status.MISSING}
#: In the order in which the sums stand.
_ORDER = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.MISSING, Status.OK)


@dataclass(frozen=True, slots=True)
class Sum:
    """Series of one status now, and how many of them came to it in the last hour; None where that was planned."""

    status: Status
    count: int
    recent: int | None


@dataclass(frozen=True, slots=True)
class Broken:
    """What broke last at a site (or at a host that no site has any more), and how much else did in that day."""

    row: LatestStatus
    service: Service | None
    others: int


@dataclass(frozen=True, slots=True)
class Worst:
    """An excluded site, with the reason that explains most and the number of the others."""

    site: SiteFacts
    reason: Reason
    others: int


@dataclass(frozen=True, slots=True)
class Region:
    """A region in one line. strip: its availability, hour by hour, over the last day; empty where none is computed."""

    name: str
    good: int
    total: int
    strip: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the page."""

    vo: str
    answer: Answer
    sums: list[Sum]
    newly_bad: int
    broken: list[Broken]
    worst: list[Worst]
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
    judged = [verdict for verdict in found.verdicts if _is_in_question(verdict)]
    failing = [verdict for verdict in judged if not verdict.is_good and not _rests(verdict)]
    downtimes = list(downtimes_at(now))
    resting = _resting(mine, downtimes, now)
    return Home(
        vo=vo,
        answer=found,
        sums=_sums(mine, resting, now),
        newly_bad=_newly_bad(failing, now),
        broken=_broken(mine, resting, now),
        worst=_worst(failing),
        regions=_regions(judged, _strips(vo, now)),
        downtimes=downtimes,
        coming=list(downtimes_next(now, until=now + _NEXT)),
        newest_at=mine.order_by("-executed_at").values_list("executed_at", flat=True).first(),
    )


def _rests(verdict: Verdict) -> bool:
    """True where a downtime alone excludes: that was meant, and stands under the downtimes."""
    down = {(r.service_type, r.hostname) for r in verdict.reasons if r.kind is Kind.DOWNTIME}
    return all((reason.service_type, reason.hostname) in down for reason in verdict.reasons)


def _worst(failing: list[Verdict]) -> list[Worst]:
    """Those with the most reasons; a failed test says more than what has no result because of it."""
    most = sorted(failing, key=lambda verdict: (-len(verdict.reasons), verdict.site.name))[:_MOST_WORST]
    firsts = [min(verdict.reasons, key=lambda reason: reason.status is not Status.CRITICAL) for verdict in most]
    return [Worst(item.site, first, len(item.reasons) - 1) for item, first in zip(most, firsts, strict=True)]


def _resting(mine: Any, downtimes: Sequence[Downtime], now: datetime) -> dict[int, tuple[Status, datetime]]:
    """Series -> status and since when, of the services that an outage covers: what they say was meant."""
    outages = [downtime for downtime in downtimes if downtime.severity == Severity.OUTAGE]
    services = {(service.hostname, service.service_type.name) for each in outages for service in each.services_at(now)}
    rows = mine.filter(hostname__in={hostname for hostname, _ in services})
    return {
        series: (Status(status), since)
        for hostname, service_type, series, status, since in rows.values_list(
            "hostname", "service_type", "series", "hard_status", "hard_since"
        )
        if (hostname, service_type) in services
    }


def _sums(mine: Any, resting: Mapping[int, tuple[Status, datetime]], now: datetime) -> list[Sum]:
    recent = Count("pk", filter=Q(hard_since__gte=now - _HOUR))
    rows = mine.values_list("hard_status").annotate(number=Count("pk"), recent=recent)
    numbers = Counter({Status(status): number for status, number, _ in rows})
    recents = Counter({Status(status): new for status, _, new in rows})
    for status, since in resting.values():
        numbers.subtract([status])
        recents.subtract([status] if since and since >= now - _HOUR else [])
    found = [Sum(status, numbers[status], recents[status]) for status in _ORDER if numbers[status]]
    return found + [Sum(Status.DOWNTIME, len(resting), None)] * bool(resting)


def _broken(mine: Any, resting: Collection[int], now: datetime) -> list[Broken]:
    """What broke in the last day, the newest first, without consequences of something else and without downtimes."""
    bad = mine.filter(hard_status__in=(Status.CRITICAL, Status.UNKNOWN), cause="", hard_since__gte=now - _DAY)
    newest = bad.order_by("-hard_since", "hostname", "metric")[: _MOST_READ + len(resting)]
    rows = [row for row in newest if row.series not in resting]
    services = Service.objects.current().filter(hostname__in={row.hostname for row in rows})
    known = {(s.hostname, s.service_type.name): s for s in services.select_related("site__ngi", "service_type")}
    places: dict[int | str, list[tuple[LatestStatus, Service | None]]] = {}
    for row in rows:
        service = known.get((row.hostname, row.service_type))
        places.setdefault(service.site_id if service else row.hostname, []).append((row, service))
    return [Broken(*found[0], others=len(found) - 1) for found in list(places.values())[:_MOST_BROKEN]]


def _newly_bad(excluded: list[Verdict], now: datetime) -> int:
    """Sites all of whose reasons are younger than an hour."""
    count = 0
    for verdict in excluded:
        since = [reason.since for reason in verdict.reasons]
        count += bool(since) and all(moment is not None and moment >= now - _HOUR for moment in since)
    return count


def _regions(judged: list[Verdict], strips: dict[str, list[dict[str, Any]]]) -> list[Region]:
    good: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for verdict in judged:
        total[verdict.site.region] += 1
        good[verdict.site.region] += verdict.is_good
    return [Region(name, good[name], total[name], strips.get(name, [])) for name in sorted(total)]


def _strips(vo: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Region name -> its last hours as segments of `status_strip`."""
    today = Window.of_day(now.date())
    found = availability.figures(Window(today.start - _DAY, today.end), level="region", report=vo, hourly=True)
    strips: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for figure in found:
        start = Window.of_day(figure.day).start + (figure.hour or 0) * _HOUR
        if now - _STRIP_HOURS * _HOUR <= start < now:
            percent = figure.seconds.availability.percent
            title = "not computable" if percent is None else f"{percent:.1f} % available"
            status = _GRADES[grade(percent, "availability")]
            segment = {"start": start, "end": start + _HOUR, "status": status, "title": title}
            strips[figure.place.region_name].append(segment)
    return strips
