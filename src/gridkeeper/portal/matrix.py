"""The matrix as values: which rows and columns it has, what each cell says. `matrix_views` asks, `matrix_html` writes.

400 rows of 30 tests must take no longer than 120 ms, so rows are tuples from the database, never model instances, and
what is older than a test's validity is left out by the database.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q

from gridkeeper.portal.matrix_rules import Asked, Seen, VoStatus, vo_status, worst
from gridkeeper.portal.matrix_seen import Results, Wanted, seen_at, seen_now
from gridkeeper.portal.strips import stamp_of
from gridkeeper.probes.models import Stage
from gridkeeper.registry.models import Certification, DowntimeService, Service, Severity
from gridkeeper.selection.profiles import Profile, profiles_now
from gridkeeper.vos.models import VoSupport

ALL_TYPES = "all"
DEFAULT_TYPE = "CE"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader chose; all of it stands in the address.

    service_type: one type, or ALL_TYPES
    statuses: pairs of VO ("" for any that is shown) and status
    """

    vos: tuple[str, ...]
    service_type: str = DEFAULT_TYPE
    regions: tuple[str, ...] = ()
    statuses: tuple[tuple[str, VoStatus], ...] = ()
    text: str = ""


class Column(NamedTuple):
    """A test under a VO. view: the VO of its series, "" where the test is the same for all.

    is_critical: on at least one of the service types that are shown
    """

    test: int
    name: str
    abbreviation: str
    title: str
    stage: str
    view: str
    is_critical: bool


class Row(NamedTuple):
    """A service. The second half is the key and name of where it stands."""

    id: int
    key: str
    hostname: str
    service_type: str
    site_id: int
    site_key: str
    site: str
    region: str


class Part(NamedTuple):
    """A row under a VO; None stands for it where the service does not support the VO.

    asked: what the profile asks of services of its type, column by column; None where the test is not for them
    seen: what the tests say, column by column
    """

    status: VoStatus
    asked: tuple[Asked | None, ...]
    seen: tuple[Seen | None, ...]


class Line(NamedTuple):
    """A row with what it says. overall: of its site, for the first VO (SFT's column "St.")."""

    number: int
    row: Row
    parts: tuple[Part | None, ...]
    overall: VoStatus = VoStatus.NA


@dataclass(frozen=True)
class Matrix:
    """What a page of the matrix shows.

    lines: after every filter; summary: per VO, before the filter by status, so that its figures switch it
    suffix: what addresses of cells end with, so that from the past they lead to the past
    """

    choice: Choice
    columns: Mapping[str, tuple[Column, ...]]
    lines: tuple[Line, ...]
    summary: Mapping[str, Mapping[VoStatus, int]]
    borrowed: Mapping[str, str]
    suffix: str = ""

    @cached_property
    def stages(self) -> frozenset[str]:
        return frozenset(column.name for columns in self.columns.values() for column in columns if column.stage)

    def by_region(self) -> list[tuple[str, list[Line]]]:
        regions: dict[str, list[Line]] = {}
        for line in self.lines:
            regions.setdefault(line.row.region, []).append(line)
        return list(regions.items())


def read_matrix(choice: Choice, at: datetime, *, is_past: bool = False, with_summaries: bool = False) -> Matrix:
    """The matrix of that choice, at present in 6 queries however many rows (8 where rules name causes).

    is_past: `at` is an instant of the past, and the caller looks at the registry as it stood (`people.past.as_of`)
    with_summaries: also the first lines that no cell shows, as exports want them
    """
    profiles = profiles_now(choice.vos, at)
    columns = {vo: _columns(profile, choice.service_type) for vo, profile in profiles.items()}
    support = _support(choice.vos)
    rows = [row for row in _rows(choice) if row.id in support]
    down = _in_downtime(at)
    wanted = Wanted(profiles, "" if choice.service_type == ALL_TYPES else choice.service_type, with_summaries)
    seen = seen_at(wanted, at) if is_past else seen_now(wanted, at)
    asked = {
        (vo, kind): _asked(profile, kind, columns[vo])
        for vo, profile in profiles.items()
        for kind in {row.service_type for row in rows}
    }
    lines = []
    for row in rows:
        results = seen.get((row.hostname, row.service_type), {})
        parts = [
            _part(columns[vo], asked[vo, row.service_type], results, is_in_downtime=row.id in down)
            if vo in support[row.id]
            else None
            for vo in choice.vos
        ]
        lines.append(Line(0, row, tuple(parts)))
    lines = _with_overall(lines)
    kept = [line for line in lines if _is_chosen(line, choice)]
    return Matrix(
        choice=choice,
        columns=columns,
        lines=tuple(line._replace(number=number) for number, line in enumerate(kept, start=1)),
        summary=_summary(lines, choice.vos),
        borrowed={vo: profile.owner for vo, profile in profiles.items() if profile.is_borrowed},
        suffix=f"@{stamp_of(at)}" if is_past else "",
    )


def _columns(profile: Profile, service_type: str) -> tuple[Column, ...]:
    """List match, then submission, then the others by their position, as the stages of a job follow each other."""
    lines = [line for line in profile.lines if line.test.is_enabled and service_type in (ALL_TYPES, line.service_type)]
    tests = {line.test.pk: line.test for line in lines}
    critical = {line.test.pk for line in lines if line.is_critical}
    order = {Stage.LIST_MATCH: 0, Stage.SUBMISSION: 1}
    ordered = sorted(tests.values(), key=lambda test: (order.get(Stage(test.stage), 2), test.position, test.name))
    return tuple(
        Column(t.pk, t.name, t.abbreviation, t.title, t.stage, profile.owner if t.is_per_vo else "", t.pk in critical)
        for t in ordered
    )


def _asked(profile: Profile, kind: str, columns: Iterable[Column]) -> tuple[Asked | None, ...]:
    lines = {
        line.test.name: Asked(line.is_critical, line.test.stage) for line in profile.lines if line.service_type == kind
    }
    return tuple(lines.get(column.name) for column in columns)


def _rows(choice: Choice) -> list[Row]:
    rows = Service.objects.current().filter(
        is_monitored=True, site__valid_until=None, site__certification=Certification.CERTIFIED
    )
    if choice.service_type != ALL_TYPES:
        rows = rows.filter(service_type__name=choice.service_type)
    if choice.regions:
        rows = rows.filter(site__ngi__name__in=choice.regions)
    if choice.text:
        rows = rows.filter(Q(site__name__icontains=choice.text) | Q(hostname__icontains=choice.text))
    rows = rows.order_by("site__ngi__name", "site__name", "service_type__name", "hostname")
    names = ("id", "key", "hostname", "service_type__name", "site_id", "site__key", "site__name", "site__ngi__name")
    return [Row(*row) for row in rows.values_list(*names)]


def _support(vos: Sequence[str]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for service, vo in VoSupport.objects.current().filter(vo__name__in=vos).values_list("service_id", "vo__name"):
        found[service].add(vo)
    return found


def _in_downtime(now: datetime) -> set[int]:
    rows = DowntimeService.objects.filter(
        Q(downtime__cancelled_at=None) | Q(downtime__cancelled_at__gt=now),
        downtime__severity=Severity.OUTAGE,
        downtime__start__lte=now,
        downtime__end__gt=now,
    ).filter(Q(end=None) | Q(end__gt=now))
    return set(rows.values_list("service_id", flat=True))


def _part(
    columns: Iterable[Column], asked: tuple[Asked | None, ...], results: Results, *, is_in_downtime: bool
) -> Part:
    seen = tuple([results.get((column.name, column.view)) for column in columns])
    tests = ((how, said) for how, said in zip(asked, seen, strict=True) if how is not None)
    return Part(vo_status(tests, is_in_downtime=is_in_downtime), asked, seen)


def _with_overall(lines: Sequence[Line]) -> list[Line]:
    """With the worst status of the site's rows for the first VO that the row has."""
    by_site: dict[int, list[VoStatus]] = defaultdict(list)
    for line in lines:
        by_site[line.row.site_id] += [part.status for part in line.parts if part][:1]
    overall = {site: worst(statuses) for site, statuses in by_site.items()}
    return [line._replace(overall=overall[line.row.site_id]) for line in lines]


def _is_chosen(line: Line, choice: Choice) -> bool:
    if not choice.statuses:
        return True
    stands = {(vo, part.status) for vo, part in zip(choice.vos, line.parts, strict=True) if part}
    return any(
        (vo, status) in stands or (not vo and status in {s for _, s in stands}) for vo, status in choice.statuses
    )


def _summary(lines: Iterable[Line], vos: Sequence[str]) -> dict[str, Mapping[VoStatus, int]]:
    counts: dict[str, Counter[VoStatus]] = {vo: Counter() for vo in vos}
    for line in lines:
        for vo, part in zip(vos, line.parts, strict=True):
            if part:
                counts[vo][part.status] += 1
    return dict(counts)
