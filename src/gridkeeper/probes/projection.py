"""The projection `LatestStatus`: moved on by each batch, rebuilt from facts (docs/decisions/0006)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from gridkeeper.bus.facts import Facts, connect, open_facts
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.lake.changes import status_runs
from gridkeeper.probes.latest import Advance, Prior, Step, advance, settle, steps_of
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.results import SUMMARY_LIMIT

_TABLE = LatestStatus._meta.db_table
COLUMNS = (
    "series", "hostname", "service_type", "metric", "vo", "status", "hard_status", "hard_since", "executed_at",
    "duration_ms", "summary", "worker", "cause", "fact", "seq", "last_ok_at",
)  # fmt: skip
_WORDS = ("series", "hostname", "service_type", "metric", "vo")
_TYPES = (
    "bigint", "text", "text", "text", "text", "smallint", "smallint", "timestamptz", "timestamptz",
    "integer", "text", "text", "text", "bigint", "bigint", "timestamptz",
)  # fmt: skip
#: The end of all windows.
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
#: No gap between two results breaks a row of equal statuses.
_FOR_EVER_S = 10**12


def stamp(moment: datetime | None) -> Any:
    """A time as the database stores and compares it."""
    return connection.ops.adapt_datetimefield_value(moment)


def stamps(moments: pa.ChunkedArray) -> list[Any]:
    """As `stamp`, for a column of UTC times; ten times as quick."""
    naive = moments.cast(pa.timestamp("us")).to_numpy().tolist()
    if connection.vendor == "sqlite":
        return [str(moment) for moment in naive]
    return [moment.replace(tzinfo=UTC) for moment in naive]


def priors(series: Sequence[int]) -> dict[int, Prior]:
    """What is stored of those series."""
    columns = ["series", "executed_at", "fact", "hard_status", "hard_since", "last_ok_at"]
    argument: Any = list(series)
    if connection.vendor == "postgresql":
        condition = "series = ANY(%s)"
    else:  # as text the times stay what SQLite compares; Django would parse each
        condition, argument = "series IN (SELECT value FROM json_each(%s))", str(argument)
        columns = [f"CAST({name} AS text)" if name.endswith(("_at", "_since")) else name for name in columns]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {_TABLE} WHERE {condition}", [argument])  # noqa: S608
        return {row[0]: Prior(*row[1:]) for row in cursor.fetchall()}


def apply(rows: pa.Table, times: list[Any], stored: dict[int, Prior], first_seq: int) -> None:
    """Moves the projection on by one batch.

    rows: in the inbox's schema; times: their stamps; stored: the priors of their series
    first_seq: order of receipt of the first row

    To be called in the batch's transaction, after `inbox.put` and with its writers serialised.
    """
    steps = steps_of(rows, times)
    advances = {series: advance(stored.get(series), step) for series, step in steps.items()}
    late = [series for series, after in advances.items() if after.hard_status is None]
    if late:
        first = pc.min(rows.column("executed_at")).as_py()
        found = _settled(late, stored, first)
        for series in late:
            status, since = found.get(series, (stored[series].hard_status, stored[series].hard_since))
            advances[series] = advances[series]._replace(hard_status=status, hard_since=since)
    newest = [series for series, after in advances.items() if after.is_newest]
    older = [series for series, after in advances.items() if not after.is_newest]
    store(_rows_of_newest(rows, newest, steps, advances, times, first_seq))
    _update_hard([(*advances[series][1:], series) for series in older if _is_changed(stored[series], advances[series])])


def _settled(late: Sequence[int], stored: dict[int, Prior], first: datetime) -> dict[int, tuple[int, Any]]:
    """Hard status and its beginning from facts, for series whose results came late; `first` is the oldest of those."""
    facts = open_facts()
    hard = facts.hard_results(late, Window(first, LAST_INSTANT))
    columns = _values(hard.column("series")), stamps(hard.column("executed_at")), _values(hard.column("status"))
    found: dict[int, dict[Any, int]] = {}
    for series, at, status in zip(*columns, strict=True):
        found.setdefault(series, {})[at] = status  # at one instant the later-received overwrites
    settled = {one: settle(stored[one], list(times.items()), stamp(first)) for one, times in found.items()}
    unknown = [series for series, answer in settled.items() if answer is None]
    if unknown:
        with connect() as con:
            settled |= held_since(facts, con, unknown)
    return {one: answer for one, answer in settled.items() if answer is not None}


def held_since(facts: Facts, con: Any, series: Sequence[int] | None) -> dict[int, tuple[int, Any]]:
    """From all facts: the hard status of each series and the stamp of the first in its row. None: all series."""
    runs = status_runs(scan.of_series(con, facts.hard_ends(con, facts.days()), series), _FOR_EVER_S)
    last = runs.group_by("series").aggregate(status=runs.status.argmax(runs.start), start=runs.start.max())
    return {row["series"]: (row["status"], stamp(row["start"])) for row in scan.rows(last)}


def _is_changed(before: Prior, after: Advance) -> bool:
    return (before.hard_status, before.hard_since, before.last_ok_at) != after[1:]


def _rows_of_newest(
    rows: pa.Table,
    newest: list[int],
    steps: dict[int, Step],
    advances: dict[int, Advance],
    times: list[Any],
    first_seq: int,
) -> list[tuple[Any, ...]]:
    positions = [steps[series].row for series in newest]
    names = ("hostname", "service_type", "metric", "vo", "status", "duration_ms", "summary", "worker", "cause", "fact")
    taken = rows.select(names).take(pa.array(positions, pa.int64()))
    columns = (_values(taken.column(name)) for name in names)
    return [
        (
            series, host, kind, metric, vo, status, advances[series].hard_status, advances[series].hard_since,
            times[position], duration, summary[:SUMMARY_LIMIT], worker[:100], cause[:100], fact,
            first_seq + position, advances[series].last_ok_at,
        )
        for series, position, host, kind, metric, vo, status, duration, summary, worker, cause, fact in zip(
            newest, positions, *columns, strict=True
        )
    ]  # fmt: skip


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The values as Python has them; through numpy, which is several times as quick as Arrow's own way."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values: list[Any] = column.to_numpy().tolist()
    return values


def store(rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes whole rows, columns in the order of `COLUMNS`, times as stamps."""
    if not rows:
        return
    names = ", ".join(COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in _WORDS)
    conflict = f"ON CONFLICT (series) DO UPDATE SET {changes}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind in _TYPES)
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(f"INSERT INTO {_TABLE} ({names}) SELECT * FROM unnest({arrays}) {conflict}", columns)  # noqa: S608
        else:
            marks = ", ".join(["%s"] * len(COLUMNS))
            cursor.executemany(f"INSERT INTO {_TABLE} ({names}) VALUES ({marks}) {conflict}", rows)  # noqa: S608


def _update_hard(changes: list[tuple[Any, ...]]) -> None:
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {_TABLE} SET hard_status = %s, hard_since = %s, last_ok_at = %s WHERE series = %s",  # noqa: S608
            changes,
        )
