"""The one way in for results: whoever has observed something, engine, API, importer or demo, calls `submit`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from gridkeeper.bus import inbox
from gridkeeper.bus.facts import open_facts
from gridkeeper.bus.recognition import first_of_each
from gridkeeper.core.identifiers import fact_hash
from gridkeeper.probes import projection
from gridkeeper.probes.latest import Prior
from gridkeeper.probes.results import Result
from gridkeeper.probes.signals import days_touched


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch.

    accepted: results that are durable now
    duplicates: results that were recognised at once as known; others are when the batch reaches the lake
    batch: id of the batch in the inbox; None where nothing was new
    """

    accepted: int
    duplicates: int
    batch: int | None


def submit(results: Sequence[Result], *, now: datetime) -> Receipt:
    """Stores results; they are durable and visible when it returns, and none of them is where it raises.

    Writes the inbox and the projection in one transaction. A result with an id that its series had before changes
    nothing. Sends `days_touched` inside that transaction for days before today.
    """
    return submit_arrow(table_of(results), now=now)


def submit_arrow(rows: pa.Table, *, now: datetime) -> Receipt:
    """As `submit`, for a table in the inbox's schema (`bus.inbox.RESULTS_SCHEMA`)."""
    if rows.num_rows >= inbox.MOST_ROWS:
        raise inbox.InboxError(f"a batch has at most {inbox.MOST_ROWS - 1} results, not {rows.num_rows}; split it")
    if not rows.num_rows:
        return Receipt(0, 0, None)
    once = first_of_each(rows)
    with transaction.atomic():
        inbox.serialise_writers()
        stored = projection.priors(pc.unique(once.column("series")).to_pylist())
        fresh, times = _fresh(once, stored)
        if not fresh.num_rows:
            return Receipt(0, rows.num_rows, None)
        batch = inbox.put("results", fresh, now)
        projection.apply(fresh, times, stored, batch << inbox.ROW_BITS)
        _tell_days(fresh, now)
    return Receipt(fresh.num_rows, rows.num_rows - fresh.num_rows, batch)


def table_of(results: Sequence[Result]) -> pa.Table:
    """Results as a table in the inbox's schema."""
    columns = {
        "series": [result.key.series for result in results],
        "hostname": [result.key.hostname for result in results],
        "service_type": [result.key.service_type for result in results],
        "metric": [result.key.metric for result in results],
        "vo": [result.key.vo for result in results],
        "executed_at": [result.executed_at for result in results],
        "status": [result.status.value for result in results],
        "is_hard": [result.is_hard for result in results],
        "duration_ms": [result.duration_ms for result in results],
        "fact": [fact_hash(result.id) for result in results],
        "worker": [result.worker for result in results],
        "id": [result.id for result in results],
        "summary": [result.summary for result in results],
        "output": [result.output for result in results],
        "perfdata": [result.perfdata for result in results],
        "cause": [result.cause for result in results],
    }
    return pa.table(columns, schema=inbox.RESULTS_SCHEMA)


def _fresh(rows: pa.Table, stored: dict[int, Prior]) -> tuple[pa.Table, list[Any]]:
    """The rows that are not facts already, as they are in a batch that is sent a second time; and their stamps.

    Looked up only for rows not newer than what their series has. A repeated id with a newer time slips through; the
    mover finds it and `bus.signals.contradicted` sets it right.
    """
    series, facts = (rows.column(name).to_numpy().tolist() for name in ("series", "fact"))
    times = projection.stamps(rows.column("executed_at"))
    held = [stored.get(one) for one in series]
    is_newest = np.array([prior is not None and prior.fact == fact for prior, fact in zip(held, facts, strict=True)])
    is_late = np.array([prior is not None and at <= prior.executed_at for prior, at in zip(held, times, strict=True)])
    doubtful = np.flatnonzero(is_late & ~is_newest)
    is_known = is_newest
    if len(doubtful):
        is_known[doubtful] = open_facts().holds(rows.take(pa.array(doubtful)))
    if not is_known.any():
        return rows, times
    return rows.filter(pa.array(~is_known)), [at for at, known in zip(times, is_known, strict=True) if not known]


def _tell_days(rows: pa.Table, now: datetime) -> None:
    days = pc.unique(rows.column("executed_at").cast(pa.date32())).to_pylist()
    past = sorted(day for day in days if day < now.date())
    if past:
        days_touched.send(sender=None, days=past)
