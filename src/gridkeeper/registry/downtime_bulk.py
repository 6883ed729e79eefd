"""Many downtimes at once: from a CSV file, or from rows of the API. Good rows are kept, bad ones reported by line.

Columns of the file (header in the first line; comma or semicolon; UTF-8):
site         name or key of a site; with no services given: all that it has now
services     separated by spaces: keys, TYPE@HOST, or HOST for all services of that host
endpoints    separated by spaces: keys of affected endpoints; empty: the whole services
severity     OUTAGE or WARNING
start, end   2026-03-24T09:00Z or with another offset; without one, UTC
description  1 to 4000 characters
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from gridkeeper.core.windows import Window, merge_windows
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.registry.downtime_actions import check_downtime, planned
from gridkeeper.registry.downtime_rows import NewRow, details_of, notice_of, store, tell_changed
from gridkeeper.registry.downtime_rules import Plan, classify
from gridkeeper.registry.events import tell
from gridkeeper.registry.models import Downtime, DowntimeService, Endpoint, Service, Site

COLUMNS = ("site", "services", "endpoints", "severity", "start", "end", "description")
_NEEDED = ("severity", "start", "end", "description")
MAX_ROWS = 20_000
#: An example of each way to say what is affected; the template that pages offer.
TEMPLATE = (
    "site,services,endpoints,severity,start,end,description\r\n"
    "EXAMPLE-SITE,,,OUTAGE,2026-03-24T09:00Z,2026-03-24T17:00Z,Power works in the hall\r\n"
    ",CE@ce01.example.org SRM@se01.example.org,,WARNING,2026-03-25T09:00+01:00,2026-03-25T11:00+01:00,"
    "Router is replaced; short interruptions\r\n"
)
#: Of more rows all current services are fetched, instead of those that the rows name.
_FEW = 100
_BATCH = 500
_REASON = "declared in bulk"


class BulkFileError(ValueError):
    """The file as a whole cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One downtime that is asked for. line: of the file, or the number of the row; names as in the columns."""

    line: int
    severity: str
    start: datetime
    end: datetime
    description: str
    site: str = ""
    services: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkLine:
    """What became of one row.

    outcome: "declared", "would be declared" (dry run), "there already" (the same was declared before), "rejected"
    problems: field and message, of a rejected row
    """

    line: int
    outcome: str
    key: str = ""
    classification: str = ""
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BulkReport:
    """A line for each row, in order."""

    lines: tuple[BulkLine, ...]
    is_dry_run: bool

    def count(self, outcome: str) -> int:
        """How many rows came out so."""
        return sum(line.outcome == outcome for line in self.lines)

    @property
    def rejected(self) -> list[BulkLine]:
        return [line for line in self.lines if line.outcome == "rejected"]

    @property
    def sentence(self) -> str:
        """ "9 998 declared, 2 rejected"."""
        outcomes = dict.fromkeys(line.outcome for line in self.lines)
        return ", ".join(f"{self.count(outcome)} {outcome}" for outcome in outcomes) or "the file has no rows"


def parse_csv(text: str) -> tuple[list[BulkRow], list[BulkLine]]:
    """The rows that can be read, and a rejected line for each that cannot. Raises BulkFileError."""
    text = text.removeprefix("\ufeff")
    if "\x00" in text:
        raise BulkFileError("The file holds NUL characters; save it as CSV in UTF-8.")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    rows: list[BulkRow] = []
    rejected: list[BulkLine] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(rows) + len(rejected) >= MAX_ROWS:
                raise BulkFileError(f"The file has more than {MAX_ROWS} rows; split it.")
            row = _row(reader.line_num, header, values)
            rows.append(row) if isinstance(row, BulkRow) else rejected.append(row)
    except csv.Error as error:
        raise BulkFileError(f"Line {reader.line_num} is not CSV: {error}.") from error
    return rows, rejected


def _check_header(header: Sequence[str]) -> None:
    if missing := [name for name in _NEEDED if name not in header]:
        raise BulkFileError(f"The first line names no column {', '.join(missing)}; it must name {', '.join(COLUMNS)}.")
    if unknown := [name for name in header if name not in COLUMNS]:
        raise BulkFileError(f"Unknown columns {', '.join(name[:40] for name in unknown)}; known: {', '.join(COLUMNS)}.")
    if len(set(header)) != len(header):
        raise BulkFileError("A column stands twice in the first line.")


def _row(line: int, header: Sequence[str], values: Sequence[str]) -> BulkRow | BulkLine:
    if len(values) != len(header):
        problem = f"{len(values)} values where the first line names {len(header)} columns; quote those with commas."
        return _rejected(line, [("", problem)])
    cells = dict(zip(header, (value.strip() for value in values), strict=True))
    times: dict[str, datetime] = {}
    problems = []
    for name in ("start", "end"):
        try:
            times[name] = _moment(cells[name])
        except (ValueError, OverflowError):
            problems.append((name, f"{cells[name][:40]!r} is no time; write 2026-03-24T09:00Z."))
    if problems:
        return _rejected(line, problems)
    return BulkRow(
        line, cells["severity"].upper(), times["start"], times["end"], cells["description"], cells.get("site", ""),
        tuple(cells.get("services", "").split()), tuple(cells.get("endpoints", "").split()),
    )  # fmt: skip


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)


def _rejected(line: int, problems: Iterable[tuple[str, str]]) -> BulkLine:
    return BulkLine(line, "rejected", problems=tuple(problems))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A row that may be stored."""

    row: BulkRow
    plan: Plan
    services: list[Service]
    endpoints: list[Endpoint]

    @property
    def identity(self) -> tuple[object, ...]:
        """Rows of the same identity are one downtime, sent twice."""
        return (self.plan.start, self.plan.end, self.plan.severity, self.plan.services)


def declare_many(
    actor: Actor, *, rows: Sequence[BulkRow], now: datetime, is_dry_run: bool = False, rejected: Sequence[BulkLine] = ()
) -> BulkReport:
    """Declares each row that may be declared and reports each that may not, with its fields and reasons.

    A row that repeats a downtime of the same services, times and severity declares nothing, so that a robot may send
    its file again. rejected: what `parse_csv` could not read, for the same report.
    """
    names = Names.of(rows)
    may = _Permissions(actor)
    done: dict[int, BulkLine] = {}
    ready: list[_Ready] = []
    for row in rows:
        try:
            ready.append(_checked(row, names, may, now))
        except ValidationError as error:
            done[row.line] = _rejected(row.line, _problems(error))
        except NotPermittedError as error:
            done[row.line] = _rejected(row.line, [("", str(error))])
    fresh = _without_repeated(ready, done)
    outcome = "would be declared" if is_dry_run else "declared"
    made = _unsaved(fresh, actor, now) if is_dry_run else _stored(fresh, actor, now)
    for each, downtime in zip(fresh, made, strict=True):
        key = "" if is_dry_run else downtime.key
        done[each.row.line] = BulkLine(each.row.line, outcome, key, downtime.classification)
    lines = [*done.values(), *rejected]
    return BulkReport(tuple(sorted(lines, key=lambda line: line.line)), is_dry_run)


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    return [(field, message) for field, messages in error.message_dict.items() for message in messages]


class _Permissions:
    """Asks once a site."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._refusals: dict[int, str] = {}

    def require(self, services: Iterable[Service]) -> None:
        """Raises NotPermittedError for the first site where the actor may declare nothing."""
        for site in {service.site for service in services}:
            if site.pk not in self._refusals:
                self._refusals[site.pk] = self._ask(site)
            if refusal := self._refusals[site.pk]:
                raise NotPermittedError(refusal)

    def _ask(self, site: Site) -> str:
        try:
            require(self._actor, "registry.declare_downtime", site)
        except NotPermittedError as error:
            return str(error)
        return ""


def _checked(row: BulkRow, names: "Names", may: _Permissions, now: datetime) -> _Ready:
    services = names.services(row)
    may.require(services)
    endpoints = names.endpoints(row)
    plan = planned(services, row.severity, row.start, row.end, row.description)
    check_downtime(plan, services, endpoints, now)
    return _Ready(row, plan, services, endpoints)


def _without_repeated(ready: Sequence[_Ready], done: dict[int, BulkLine]) -> list[_Ready]:
    """Those that no downtime says yet, and no row before; the others are noted in `done`."""
    known = _known_identities(ready)
    fresh = []
    for each in ready:
        if each.identity in known:
            done[each.row.line] = BulkLine(each.row.line, "there already", known[each.identity])
        else:
            known[each.identity] = ""
            fresh.append(each)
    return fresh


def _known_identities(ready: Sequence[_Ready]) -> dict[tuple[object, ...], str]:
    """What stands already in the time of the rows, by identity."""
    if not ready:
        return {}
    first, last = min(each.plan.start for each in ready), max(each.plan.start for each in ready)
    standing = Downtime.objects.filter(start__gte=first, start__lte=last, cancelled_at=None)
    rows = {pk: (start, end, severity, key) for pk, start, end, severity, key in standing.values_list(
        "pk", "start", "end", "severity", "key")}  # fmt: skip
    services: dict[int, set[int]] = {}
    for downtime, service in DowntimeService.objects.filter(downtime__in=standing).values_list("downtime", "service"):
        services.setdefault(downtime, set()).add(service)
    return {
        (start, end, severity, frozenset(services.get(pk, ()))): key for pk, (start, end, severity, key) in rows.items()
    }


def _unsaved(ready: Sequence[_Ready], actor: Actor, now: datetime) -> list[Downtime]:
    notices = {frozenset(service.site_id for service in each.services): each.services for each in ready}
    notice = {sites: notice_of({service.site for service in services}) for sites, services in notices.items()}
    return [
        Downtime(
            severity=each.plan.severity, description=each.plan.description, declared_at=now, start=each.plan.start,
            end=each.plan.end, declared_by=actor.user, classification=classify(
                now, each.plan.start, notice[frozenset(service.site_id for service in each.services)]
            ),
        )
        for each in ready
    ]  # fmt: skip


def _stored(ready: Sequence[_Ready], actor: Actor, now: datetime) -> list[Downtime]:
    made = _unsaved(ready, actor, now)
    rows = [NewRow(row, each.services, {}, each.endpoints) for row, each in zip(made, ready, strict=True)]
    with transaction.atomic(), recording(actor, _REASON):
        for first in range(0, len(rows), _BATCH):
            store(actor, _REASON, rows[first : first + _BATCH])
        for window in merge_windows(Window(each.plan.start, each.plan.end) for each in ready):
            tell_changed(window.start, window.end)
        for downtime in made:
            tell("downtime.declared", downtime, actor, now, **details_of(downtime))
    return made


@dataclass(frozen=True, slots=True)
class Names:
    """What may be named in rows and commands, and what it means."""

    by_word: dict[str, list[Service]]
    by_site: dict[str, list[Service]]
    endpoint_by_key: dict[str, Endpoint]

    @classmethod
    def of(cls, rows: Sequence[BulkRow]) -> "Names":
        """The current services and endpoints that the rows name: two queries."""
        services = Service.objects.current().select_related("service_type", "site__ngi__federation")
        if len(rows) <= _FEW:
            services = services.filter(_named(rows))
        names = cls({}, {}, {})
        for service in services.order_by("pk"):
            for word in (
                service.key,
                service.hostname.lower(),
                f"{service.service_type.name}@{service.hostname}".lower(),
            ):
                names.by_word.setdefault(word, []).append(service)
            for word in {service.site.name, service.site.key}:
                names.by_site.setdefault(word, []).append(service)
        keys = {key for row in rows for key in row.endpoints}
        names.endpoint_by_key.update(
            {each.key: each for each in Endpoint.objects.current().filter(key__in=keys)} if keys else {}
        )
        return names

    def services(self, row: BulkRow) -> list[Service]:
        """Those that the row names, each once. Raises ValidationError for a name that means nothing."""
        if row.site and not row.services:
            if row.site not in self.by_site:
                raise ValidationError({"site": f"No site {row.site[:100]!r} with services; use its name or key."})
            return list(self.by_site[row.site])
        found: dict[int, Service] = {}
        for word in row.services:
            meant = self.by_word.get(word) or self.by_word.get(word.lower()) or []
            meant = [each for each in meant if not row.site or row.site in (each.site.name, each.site.key)]
            if not meant:
                text = f"No service {word[:200]!r}{' of that site' if row.site else ''}; use a key or TYPE@HOST."
                raise ValidationError({"services": text})
            found |= {each.pk: each for each in meant}
        return list(found.values())

    def endpoints(self, row: BulkRow) -> list[Endpoint]:
        """Those that the row names. Raises ValidationError for one that there is not."""
        if missing := [key for key in row.endpoints if key not in self.endpoint_by_key]:
            raise ValidationError({"endpoints": f"No endpoint {', '.join(key[:100] for key in missing)}; use its key."})
        return [self.endpoint_by_key[key] for key in dict.fromkeys(row.endpoints)]


def _named(rows: Sequence[BulkRow]) -> Q:
    words = {word for row in rows for word in row.services}
    hosts = {word.rpartition("@")[2] for word in words} | {word.rpartition("@")[2].lower() for word in words}
    sites = {row.site for row in rows if row.site}
    return Q(key__in=words) | Q(hostname__in=hosts) | Q(site__name__in=sites) | Q(site__key__in=sites)


def as_rows(rows: Sequence[BulkRow]) -> list[BulkRow]:
    """The same rows, numbered from 1: what the API sends has no lines."""
    return [replace(row, line=number) for number, row in enumerate(rows, 1)]
