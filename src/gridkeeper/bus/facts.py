"""Inbox and lake as one: every reader of results and logs asks here, and sees what was acknowledged a moment ago.

Ibis is imported where an expression is made (as in `lake.changes`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.bus import inbox
from gridkeeper.bus.recognition import held_by, recognise, stand_in
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window, merge_windows
from gridkeeper.lake import scan
from gridkeeper.lake.changes import Validity, status_runs
from gridkeeper.lake.series import distinct, known_series, validity_of
from gridkeeper.lake.settled import settled_runs
from gridkeeper.lake.store import Lake, Snapshot, open_lake
from gridkeeper.lake.tables import INSTANT, LOGS, RESULTS, RUNS, SERIES, lake_table

connect = scan.connect
_LOW_BITS = 0xFFFF_FFFF
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Fact:
    """One result as the lake keeps it; times in UTC."""

    series: int
    executed_at: datetime
    seq: int
    status: Status
    is_hard: bool
    duration_ms: int
    fact: int
    worker: str


@dataclass(frozen=True, slots=True)
class Log:
    """What one result said in words. fact: the whole 64-bit hash of `id`."""

    series: int
    executed_at: datetime
    fact: int
    id: str
    summary: str
    output: str
    perfdata: str
    cause: str


class Facts:
    """One consistent view; open one per question or page, it does not follow later changes.

    The inbox is read before the lake: a batch that moves in between is seen in both and counted once, because the
    lake's version says which batches it holds. The other way round it could be seen in neither.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        waiting = inbox.pending("results")[1]
        app = inbox.known_identity()
        self._results = lake.snapshot("results")
        held = (self._results.transaction_version(app) if app else None) or 0
        unmoved = waiting.filter(pc.greater_equal(waiting.column("seq"), (held + 1) << inbox.ROW_BITS))
        self._waiting = recognise(unmoved, self._results).fresh

    @cached_property
    def _logs(self) -> Snapshot:
        return self.lake.snapshot("logs")

    def holds(self, rows: pa.Table) -> "np.ndarray[Any, Any]":
        """Of each row (`series, fact, executed_at, status`) whether its fact is known."""
        is_held: np.ndarray = held_by(rows, self._results) | stand_in(rows, self._waiting)
        return is_held

    @cached_property
    def _runs(self) -> Snapshot:
        return self.lake.snapshot("runs")

    def results(self, con: Any, window: Window) -> Any:
        """The results executed in the window, as an Ibis table with the columns of the lake's `results`."""
        files = [file.uri for file in self._results.of_days(window)]
        stored = scan.parquet_table(con, files, RESULTS.schema)
        waiting = _dated(self._waiting, RESULTS.schema)
        both = stored.union(scan.arrow_table(con, waiting)) if waiting.num_rows else stored
        return both.filter((both.executed_at >= window.start) & (both.executed_at < window.end))

    def runs(self, con: Any, day: date, validity: Validity | None = None) -> Any:
        """The day's runs of hard status, as an Ibis table `date, series, status, start, last_at, seq`.

        Read from the lake where the day is compacted and nothing came since (with the validity of that time), else
        computed from the results.
        """
        import ibis

        settled = self._settled_runs(day)
        if settled is not None:
            return scan.parquet_table(con, settled, RUNS.schema)
        runs = status_runs(
            self.results(con, Window.of_day(day)), validity_of(con, self.series(), validity or Validity())
        )
        return runs.mutate(date=ibis.literal(day)).select(*RUNS.schema.names)

    def words(self, con: Any, window: Window, *wanted: str) -> Any:
        """What the results of the window said, as an Ibis table `series, executed_at, fact, summary, cause`.

        wanted: columns of the logs in place of the last two
        """
        names = ["series", "executed_at", "fact", *(wanted or ("summary", "cause"))]
        stored = scan.parquet_table(con, [file.uri for file in self._logs.of_days(window)], LOGS.schema).select(names)
        waiting = self._waiting.select(names)
        both = stored.union(scan.arrow_table(con, waiting)) if waiting.num_rows else stored
        return both.filter((both.executed_at >= window.start) & (both.executed_at < window.end))

    def days(self) -> list[date]:
        """Every UTC day that has results or runs, oldest first."""
        stored = [file.day for name in (self._results, self._runs) for file in name.files if file.day is not None]
        waiting = pc.unique(self._waiting.column("executed_at").cast(pa.date32())).to_pylist()
        return sorted({*stored, *waiting})

    def hard_ends(self, con: Any, days: Iterable[date]) -> Any:
        """Hard results `series, executed_at, seq, status, is_hard`; of settled days only the two ends of each run.

        Enough to tell since when a status has held, at the cost of what changed instead of what was measured.
        """
        import ibis

        days = list(days)
        settled = [file for day in days for file in self._settled_runs(day) or ()]
        runs = scan.parquet_table(con, settled, RUNS.schema).mutate(is_hard=True)
        names = ["series", "executed_at", "seq", "status", "is_hard"]
        parts = [runs.rename(executed_at="start").select(names), runs.rename(executed_at="last_at").select(names)]
        for window in merge_windows(Window.of_day(day) for day in days if self._settled_runs(day) is None):
            results = self.results(con, window)
            parts.append(results.filter(results.is_hard).select(names))
        return ibis.union(*parts)

    def has_settled_runs(self, day: date) -> bool:
        """True where `runs` costs no computation."""
        return self._settled_runs(day) is not None

    def _settled_runs(self, day: date) -> list[str] | None:
        days = self._waiting.column("executed_at").cast(pa.date32())
        if pc.any(pc.equal(days, pa.scalar(day, pa.date32()))).as_py():
            return None
        files = settled_runs(self._results, self._runs, day)
        return None if files is None else [file.uri for file in files]

    def series(self) -> pa.Table:
        """Every series that was seen: `series, hostname, service_type, metric, vo`."""
        return distinct(pa.concat_tables([known_series(self.lake), distinct(self._waiting)]))

    def key_of(self, series: int) -> SeriesKey | None:
        """What the series is of; None where none of that id was seen."""
        found = self.series()
        match = found.filter(pc.equal(found.column("series"), series)).to_pylist()
        return SeriesKey(*(match[0][name] for name in SERIES.schema.names[1:])) if match else None

    def history(self, series: int, window: Window, limit: int = 1000) -> list[Fact]:
        """The newest results of one series in the window, newest first; a later-received one comes before its twin."""
        condition = (pc.field("series") == series) & _within(window)
        found = self._look_up(self._results, window, condition)
        newest = found.sort_by([("executed_at", "descending"), ("seq", "descending")]).slice(0, limit)
        return [Fact(**row | {"status": Status(row["status"])}) for row in newest.to_pylist()]

    def hard_results(self, series: Sequence[int], window: Window) -> pa.Table:
        """Hard results of some series in the window, `series, executed_at, seq, status`, in that order."""
        wanted = pa.array(series, pa.int64())
        condition = pc.field("series").isin(wanted) & pc.field("is_hard") & _within(window)
        found = self._look_up(self._results, window, condition).select(["series", "executed_at", "seq", "status"])
        return found.sort_by([("series", "ascending"), ("executed_at", "ascending"), ("seq", "ascending")])

    def log(self, series: int, executed_at: datetime | None, fact: int) -> Log | None:
        """What that result said, or None where its log was never kept or has expired.

        `fact` is the whole hash or, from a compacted day, its low 32 bits. Without `executed_at` all days are searched.
        """
        condition = pc.field("series") == series
        window = None if executed_at is None else Window(executed_at, executed_at + _INSTANT)
        if window is not None:
            condition &= _within(window)
        found = self._look_up(self._logs, window, condition).to_pylist()
        return next((Log(**row) for row in found if (row["fact"] - fact) & _LOW_BITS == 0), None)

    def logs(self, facts: Sequence[Fact]) -> dict[tuple[int, datetime, int], Log]:
        """The logs of several results, by `(series, executed_at, fact & 0xFFFFFFFF)`."""
        if not facts:
            return {}
        times = [fact.executed_at for fact in facts]
        window = Window(min(times), max(times) + _INSTANT)
        series = pa.array(sorted({fact.series for fact in facts}), pa.int64())
        condition = pc.field("series").isin(series) & _within(window)
        found = self._look_up(self._logs, window, condition)
        found = found.join(_keys_of(facts), ["series", "executed_at"], join_type="left semi")
        return {(row["series"], row["executed_at"], row["fact"] & _LOW_BITS): Log(**row) for row in found.to_pylist()}

    def _look_up(self, snapshot: Snapshot, window: Window | None, condition: Any) -> pa.Table:
        """Rows by a condition on their columns, from files and inbox. Without a query engine: for few rows, quickly.

        Of a compacted day only the row groups are read whose series and times can match.
        """
        waiting = self._waiting.filter(condition).select(lake_table(snapshot.table).stored_schema.names)
        stored = self.lake.read(snapshot.table, snapshot.of_days(window), condition)
        return pa.concat_tables([stored, waiting])

    def status_at(
        self, series: Iterable[int] | None, moment: datetime, look_back: timedelta = DAY
    ) -> Mapping[int, tuple[Status, datetime]]:
        """The newest hard result of each series at that instant, not older than `look_back`: status and time.

        None asks for all series. A series without such a result is not in the answer.
        """
        import ibis

        window = Window(moment - look_back, moment + timedelta(microseconds=1))
        with connect() as con:
            results = self.results(con, window)
            hard = results.filter(results.is_hard)
            if series is not None:
                hard = scan.of_series(con, hard, series)
            order = ibis.window(group_by=hard.series, order_by=[ibis.desc(hard.executed_at), ibis.desc(hard.seq)])
            newest = hard.mutate(place=ibis.row_number().over(order))
            found = newest.filter(newest.place == 0).select("series", "status", "executed_at").to_pyarrow()
        return {row["series"]: (Status(row["status"]), row["executed_at"]) for row in found.to_pylist()}


def _within(window: Window) -> Any:
    at = pc.field("executed_at")
    return (at >= pa.scalar(window.start, INSTANT)) & (at < pa.scalar(window.end, INSTANT))


def _keys_of(facts: Sequence[Fact]) -> pa.Table:
    columns = {"series": [fact.series for fact in facts], "executed_at": [fact.executed_at for fact in facts]}
    return pa.table(columns, pa.schema([("series", pa.int64()), ("executed_at", INSTANT)]))


def _dated(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.append_column("date", rows.column("executed_at").cast(pa.date32())).select(schema.names).cast(schema)


def open_facts() -> Facts:
    """The facts of this installation as of now."""
    return Facts(open_lake())
