"""One import from beginning to end: read, apply, close what vanished, keep the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import connection, transaction
from django.utils import timezone

from gridkeeper.people.actor import Actor, recording
from gridkeeper.registry.importers.apply import apply
from gridkeeper.registry.importers.policy import Overwrite
from gridkeeper.registry.importers.records import Record, Records
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.upsert import Run
from gridkeeper.registry.importers.vanished import close_vanished
from gridkeeper.registry.models import Federation, ImportRun, Service
from gridkeeper.registry.signals import topology_changed

#: Hours ahead that a downtime must be declared to count as scheduled; others: GOCDB's 24 (registry.md section 3).
_NOTICE_HOURS = {"osg": 48}
#: Kinds whose changes alter what is tested and judged.
_TOPOLOGY = ("region", "site", "service", "endpoint", "VO", "VO support")


#: Origin -> kind -> keys.
LastSeen = Mapping[str, Mapping[str, Sequence[str]]]


class Progress(Protocol):
    """What shows how far we are; the command line has a bar, tests have nothing."""

    def begin(self, what: str, total: int | None) -> None: ...
    def advance(self, number: int) -> None: ...


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int | None) -> None: ...
    def advance(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """What was parsed. `origins` may close what vanished from them; `not_closed_because`: "" or why nothing is."""

    records: Records
    origins: tuple[str, ...]
    origin_of: Callable[[Record], str]
    not_closed_because: str = ""


class DryRunError(Exception):
    """Ends the transaction of a dry run."""


def run_import(
    source: Source, report: Report, *, actor: Actor, now: datetime, progress: Progress | None = None
) -> ImportRun | None:
    """Applies what was parsed and keeps the report as an ImportRun (None for a dry run).

    A dry run does everything in one transaction and takes it back, so that it says exactly what a run would do.
    """
    show = progress or Silent()
    show.begin("Applying", len(source.records))
    with recording(actor, report.reason):
        if not report.is_dry_run:
            apply_source(source, report, actor, now, show)
            return keep_report(report, now)
        try:
            with transaction.atomic():
                apply_source(source, report, actor, now, show)
                raise DryRunError
        except DryRunError:
            return None


def apply_source(
    source: Source,
    report: Report,
    actor: Actor,
    now: datetime,
    show: Progress,
    *,
    policy: Overwrite | None = None,
    last_seen: LastSeen | None = None,
) -> None:
    """Upserts, closes what vanished, tells later floors. `last_seen`: None asks the reports of earlier imports."""
    federation = _federation(report, now)
    run = Run(report, actor, now, federation, source.origin_of, show.advance)
    run.policy, run.last_seen = policy or run.policy, last_seen
    apply(run, source.records)
    if source.not_closed_because:
        report.find(
            "note",
            "file",
            Place(report.origin),
            report.source,
            source.not_closed_because,
            "correct it and import again",
        )
    else:
        close_vanished(run, list(source.origins))
    _announce(run)


def _announce(run: Run) -> None:
    """Tells later floors once that the topology changed; changes of downtimes were told as they were written."""
    counts = run.report.counts
    if any(counts[kind].created or counts[kind].changed or counts[kind].closed for kind in _TOPOLOGY if kind in counts):
        topology_changed.send(sender=Service, since=run.now, closed_service=None)


def _federation(report: Report, now: datetime) -> Federation:
    federation = Federation.objects.current().filter(name=report.federation).first()
    report.count("federation", "read")
    report.count("federation", "unchanged" if federation else "created")
    if federation is not None:
        return federation
    return Federation.objects.create(
        name=report.federation, valid_from=now, notice_hours=_NOTICE_HOURS.get(report.source, 24)
    )


def keep_report(report: Report, started_at: datetime) -> ImportRun:
    """Keeps the report, so that no rejected record is lost."""
    _renew_statistics(report)
    return ImportRun.objects.create(
        source=report.source,
        origin=report.origin[:500],
        started_at=started_at,
        finished_at=timezone.now(),
        report=report.as_dict(),
    )


#: So many rows written make PostgreSQL's plans of before wrong: of empty tables, for thousands of rows.
_MANY_ROWS = 500


def _renew_statistics(report: Report) -> None:
    """Autovacuum would come too late: queries of the next minutes could take a thousand times as long."""
    written = sum(count.created + count.changed for count in report.counts.values())
    if written >= _MANY_ROWS and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
