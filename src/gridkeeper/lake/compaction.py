"""Closed days made small and quick, and old ones dropped. Run by the role `tasks` and by `gridkeeper lake compact`.

A closed day is rewritten in two commits: its results sorted by (series, time), then its runs, whose file name says
which results they are of. Between the two, or when results come late, the runs do not fit and are not used
(`lake.settled`); the next round sets that right. So a crash at any point costs a repetition and nothing else.
Whoever calls holds a lock that keeps a second compactor out; appending goes on meanwhile.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from gridkeeper.core.windows import DAY, as_utc
from gridkeeper.lake import scan
from gridkeeper.lake.changes import Validity, status_runs
from gridkeeper.lake.parquet import ROW_GROUP_ROWS
from gridkeeper.lake.series import distinct, known_series, validity_of
from gridkeeper.lake.settled import runs_name, settled_runs
from gridkeeper.lake.store import Lake, LakeFile
from gridkeeper.lake.tables import LOGS, RESULTS, RUNS, SERIES, LakeTable, table_names

COMPACTED = "compacted"
#: Results of a day mostly come within this time after its end.
CLOSED_AFTER = timedelta(hours=1)
#: Files that a reader began with stay this long after they were replaced.
GRACE = timedelta(hours=24)
#: The first of the results of one series at one instant gets this `seq`, the next one more: all are below zero, and
#: sort before whatever is received later.
FIRST_RANK = -(1 << 20)
#: An open day's small files are joined once there are so many; a file of so many rows is not small.
_MANY_FILES, _SMALL_ROWS, _MOST_ROWS = 32, 500_000, 2_000_000

_SORTED_RESULTS = """
    SELECT series, executed_at, seq, status, is_hard, duration_ms, fact & 4294967295 AS fact, worker
    FROM {view} ORDER BY series, executed_at, seq
"""


def days_to_compact(lake: Lake, now: datetime) -> list[date]:
    """Closed days whose results are not compacted or whose runs do not fit, oldest first."""
    results, runs = lake.snapshot("results"), lake.snapshot("runs")
    last = (as_utc(now) - CLOSED_AFTER).date()
    closed = sorted({file.day for file in results.files if file.day is not None and file.day < last})
    return [day for day in closed if settled_runs(results, runs, day) is None or not _is_compact(results.files, day)]


def _is_compact(files: Iterable[LakeFile], day: date) -> bool:
    names = [file.name for file in files if file.day == day]
    return len(names) == 1 and names[0].startswith(COMPACTED)


def compact_day(lake: Lake, day: date, validity: Validity) -> None:
    """Compacts results, runs and logs of one day; does again only what is not done."""
    results = _of_day(lake, "results", day)
    if not _is_compact(results, day):
        with scan.connect() as con:
            batches = _ranked(_sorted_batches(con, RESULTS, results, _SORTED_RESULTS))
            lake.rewrite("results", results, batches, day=day, name=COMPACTED, is_same_data=True)
    _write_runs(lake, day, validity)
    logs = _of_day(lake, "logs", day)
    if logs and not _is_compact(logs, day):
        with scan.connect() as con:
            query = f"SELECT * FROM {{view}} ORDER BY {', '.join(LOGS.sort_by)}"  # noqa: S608
            batches = _sorted_batches(con, LOGS, logs, query)
            lake.rewrite("logs", logs, batches, day=day, name=COMPACTED, is_same_data=True)


def _of_day(lake: Lake, table: str, day: date) -> list[LakeFile]:
    return [file for file in lake.snapshot(table).files if file.day == day]


def _sorted_batches(con: Any, table: LakeTable, files: list[LakeFile], query: str) -> Iterator[pa.Table]:
    view = scan.parquet_table(con, [file.uri for file in files], table.stored_schema).get_name()
    reader = con.con.sql(query.format(view=view)).to_arrow_reader(ROW_GROUP_ROWS)
    return (pa.Table.from_batches([batch]) for batch in reader)


def _ranked(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The batches with `seq` replaced by the place among the results of the same series at the same instant."""
    previous: tuple[Any, Any, int] = (None, None, 0)
    for batch in batches:
        if not batch.num_rows:
            continue
        series = batch.column("series").to_numpy()
        at = batch.column("executed_at").cast(pa.int64()).to_numpy()
        place = _places(series, at, previous)
        previous = (series[-1], at[-1], int(place[-1]))
        index = batch.schema.get_field_index("seq")
        yield batch.set_column(index, "seq", pa.array(place + FIRST_RANK))


def _places(series: "np.ndarray", at: "np.ndarray", previous: tuple[Any, Any, int]) -> "np.ndarray":
    positions = np.arange(len(series))
    is_first = np.concatenate([[True], (series[1:] != series[:-1]) | (at[1:] != at[:-1])])
    starts = np.maximum.accumulate(np.where(is_first, positions, 0))
    place = positions - starts
    if (series[0], at[0]) == previous[:2]:  # the group goes on from the batch before
        place[starts == 0] += previous[2] + 1
    return place


def _write_runs(lake: Lake, day: date, validity: Validity) -> None:
    results, runs = lake.snapshot("results"), lake.snapshot("runs")
    if settled_runs(results, runs, day) is not None:
        return
    of_day = [file for file in results.files if file.day == day]
    old = [file for file in runs.files if file.day == day]
    with scan.connect() as con:
        stored = scan.parquet_table(con, [file.uri for file in of_day], RESULTS.stored_schema)
        found = status_runs(stored, validity_of(con, known_series(lake), validity)).order_by(["series", "start"])
        table = found.to_pyarrow().select(RUNS.stored_schema.names)
    lake.rewrite("runs", old, [table], day=day, name=runs_name(of_day), is_same_data=False)


def join_small_files(lake: Lake, table: str, day: date) -> int:
    """Makes one file of an open day's many small ones; returns how many it took. Order of rows is kept."""
    small = [file for file in _of_day(lake, table, day) if file.rows < _SMALL_ROWS]
    if len(small) < _MANY_FILES:
        return 0
    taken, rows = [], 0
    for file in small:
        taken.append(file)
        rows += file.rows
        if rows > _MOST_ROWS:
            break
    lake.rewrite(table, taken, [lake.read(table, taken)], day=day, name="joined", is_same_data=True)
    return len(taken)


def join_series(lake: Lake) -> None:
    """Makes one file of the many that new series leave in the dimension."""
    old = lake.snapshot("series").files
    if len(old) >= _MANY_FILES:
        series = distinct(lake.read("series", old))
        lake.rewrite(SERIES.name, old, [series], day=None, name="joined", is_same_data=True)


def expire(lake: Lake, now: datetime, *, results_days: int, logs_days: int) -> int:
    """Drops results and logs older than their retention; returns how many files. Runs and figures stay.

    A day's results stay until its runs are settled, so that nothing is lost that was not summed up.
    """
    today = as_utc(now).date()
    results, runs = lake.snapshot("results"), lake.snapshot("runs")
    oldest = today - results_days * DAY
    over = {file.day for file in results.files if file.day is not None and file.day < oldest}
    settled = [day for day in over if settled_runs(results, runs, day) is not None]
    old_logs = today - logs_days * DAY
    logs = {file.day for file in lake.snapshot("logs").files if file.day is not None and file.day < old_logs}
    return lake.drop_days("results", settled) + lake.drop_days("logs", sorted(logs))


def vacuum(lake: Lake, grace: timedelta = GRACE) -> int:
    """Deletes the files of every table that nothing refers to any more; returns how many."""
    return sum(lake.vacuum(name, grace) for name in table_names())
