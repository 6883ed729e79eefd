"""The matrix as values: which rows and columns it has, what each cell says. `matrix_views` asks, `matrix_html` writes.

400 rows of 30 tests must take no longer than 120 ms, so rows are tuples from the database, never model instances, and
what is older than a test's validity is left out by the database.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q

from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_rules import Asked, Seen, VoStatus, is_telling, vo_status, worst
from gridkeeper.probes.models import LatestStatus, ProfileEntry, Stage, Test
from gridkeeper.registry.models import Certification, Downtime, DowntimeService, Ngi, Service, Severity, Site
from gridkeeper.selection.profiles import Profile, profiles_now
from gridkeeper.vos.models import Vo, VoSupport

#: A page asks again after so many seconds, and is made anew after the other even if nothing was recorded: results
#: grow old and downtimes begin without anybody writing.
REFRESH_S = 15
RENEWAL_S = 300
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
    """

    choice: Choice
    columns: Mapping[str, tuple[Column, ...]]
    lines: tuple[Line, ...]
    summary: Mapping[str, Mapping[VoStatus, int]]
    borrowed: Mapping[str, str]

    @cached_property
    def stages(self) -> frozenset[str]:
        return frozenset(column.name for columns in self.columns.values() for column in columns if column.stage)

    def by_region(self) -> list[tuple[str, list[Line]]]:
        regions: dict[str, list[Line]] = {}
        for line in self.lines:
            regions.setdefault(line.row.region, []).append(line)
        return list(regions.items())


def read_matrix(choice: Choice, now: datetime, *, with_summaries: bool = False) -> Matrix:
    """The matrix of that choice at present: 5 queries however many rows.

    with_summaries: also the first lines that no cell shows, as exports want them
    """
    profiles = profiles_now(choice.vos, now)
    columns = {vo: _columns(profile, choice.service_type) for vo, profile in profiles.items()}
    support = _support(choice.vos)
    rows = [row for row in _rows(choice) if row.id in support]
    down = _in_downtime(now)
    seen = _seen(choice, profiles, now, with_summaries=with_summaries)
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


_Results = dict[tuple[str, str], Seen]


#: What most cells say. One value for all of them: twelve thousand objects keep the garbage collector busy.
_PLAIN_OK = Seen(Status.OK)


def _seen(
    choice: Choice, profiles: Mapping[str, Profile], now: datetime, *, with_summaries: bool
) -> dict[tuple[str, str], _Results]:
    """(hostname, service type) -> (metric, VO) -> newest hard result. What is older than its validity is not in it."""
    views = {"", *(profile.owner for profile in profiles.values())}
    rows = LatestStatus.objects.filter(_fresh(profiles, now), vo__in=views).exclude(hard_status=Status.MISSING)
    if choice.service_type != ALL_TYPES:
        rows = rows.filter(service_type=choice.service_type)
    found: dict[tuple[str, str], _Results] = defaultdict(dict)
    names = ("hostname", "service_type", "metric", "vo", "hard_status", "summary", "cause")
    statuses = list(Status)
    for hostname, service_type, metric, vo, status, summary, cause in rows.values_list(*names):
        is_plain = status == 0 and not with_summaries and not is_telling(summary)
        found[hostname, service_type][metric, vo] = _PLAIN_OK if is_plain else Seen(statuses[status], summary, cause)
    return found


def _fresh(profiles: Mapping[str, Profile], now: datetime) -> Q:
    """That a result is of one of these tests and within its validity."""
    tests = {line.test.name: line.test for profile in profiles.values() for line in profile.lines}
    by_validity: dict[int, list[str]] = defaultdict(list)
    for test in tests.values():
        by_validity[test.validity_s].append(test.name)
    fresh = Q(pk__in=[])
    for validity_s, names in by_validity.items():
        fresh |= Q(metric__in=names, executed_at__gte=now - timedelta(seconds=validity_s))
    return fresh


def _part(
    columns: Iterable[Column], asked: tuple[Asked | None, ...], results: _Results, *, is_in_downtime: bool
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


_CONFIGURATION: tuple[Any, ...] = (Site, Service, Downtime, Ngi, Vo, VoSupport, ProfileEntry, Test)


class Stamp(NamedTuple):
    """What a page was made from. Equal stamps: nothing has changed that it shows."""

    seq: int
    configuration: int

    def __str__(self) -> str:
        return f"{self.seq}.{self.configuration}"

    @classmethod
    def parse(cls, text: str) -> "Stamp | None":
        """None for what is not a stamp: the page is then made anew."""
        seq, _, configuration = text.partition(".")
        is_stamp = all(word.isascii() and word.isdigit() and len(word) < 20 for word in (seq, configuration))
        return cls(int(seq), int(configuration)) if is_stamp else None


def read_stamp(now: datetime) -> Stamp:
    """The stamp at present, in one query of maxima that indexes answer."""
    quote = connection.ops.quote_name
    tables = [
        (LatestStatus._meta.db_table, "seq"),
        *((_history_table(model), "history_id") for model in _CONFIGURATION),
    ]
    maxima = ", ".join(f"(SELECT MAX({column}) FROM {quote(table)})" for table, column in tables)  # noqa: S608  ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {maxima}")
        seq, *records = cursor.fetchone()
    words = [*records, int(now.timestamp()) // RENEWAL_S]
    return Stamp(seq or 0, zlib.crc32(repr(words).encode()))


def _history_table(model: Any) -> str:
    return str(model.history.model._meta.db_table)


def changed_services(since: int) -> set[tuple[str, str]]:
    """(hostname, service type) of everything that got a result after that receipt."""
    rows = LatestStatus.objects.filter(seq__gt=since)
    return set(rows.values_list("hostname", "service_type").distinct())
