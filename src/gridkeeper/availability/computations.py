"""How far the figures of each day and report are: the rows of Computation, kept by compute.py."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gridkeeper.availability.levels import MEASURES
from gridkeeper.availability.models import Computation, ComputationState
from gridkeeper.availability.tables import DAY_TABLE, PLACE

_KEY = ("day", "report")
_NAMES = {"region_name", "site_name"}


def begun(days: Mapping[date, Iterable[str]], now: datetime) -> None:
    """The reports of these days are being computed since `now`. What stood there stays until they are done."""
    _store(
        (
            Computation(day=day, report=report, state=ComputationState.RUNNING, started_at=now)
            for day, reports in days.items()
            for report in reports
        ),
        "state",
        "started_at",
    )


def done(rows: Iterable[Computation], now: datetime) -> None:
    """These are complete and in the lake; the computation began at `now`."""
    finished = list(rows)
    for row in finished:
        row.state, row.started_at, row.finished_at, row.error = ComputationState.DONE, now, now, ""
    _store(
        finished, "state", "started_at", "finished_at", "error", "inputs", "recomputations", "ignored", "checksum"
    )  # fmt: skip


def failed(day: date, reports: Iterable[str], error: BaseException, now: datetime) -> None:
    """The former figures of these reports stand; a later run tries again (marks.stale_days)."""
    words = f"{type(error).__name__}: {error}"
    state = ComputationState.FAILED
    rows = (Computation(day=day, report=each, state=state, started_at=now, error=words) for each in reports)
    _store(rows, "state", "started_at", "error")


def _store(rows: Iterable[Computation], *fields: str) -> None:
    Computation.objects.bulk_create(
        list(rows), update_conflicts=True, update_fields=list(fields), unique_fields=list(_KEY)
    )


def checksum(figures: pa.Table, report: str) -> str:
    """SHA-256 of a report's figures of a day from services up, whatever the order of the rows and the names of places.

    Of metrics only what they make of their services counts; weighted sums follow from weights and seconds.
    """
    wanted = pc.and_(pc.equal(figures.column("report"), report), pc.not_equal(figures.column("level"), "metric"))
    place = [name for name in PLACE if name not in _NAMES]
    columns = [*place, *MEASURES, *(["weight"] if "weight" in figures.schema.names else [])]
    schema = pa.schema([DAY_TABLE.schema.field(name) for name in columns])
    rows = figures.filter(wanted).select(columns).cast(schema).sort_by([(name, "ascending") for name in place])
    if not rows.num_rows:
        return ""
    text = pa.BufferOutputStream()
    csv.write_csv(rows, text)
    return hashlib.sha256(text.getvalue()).hexdigest()
