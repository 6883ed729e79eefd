"""Inbox and lake as one: every reader of results and logs asks here, and sees what was acknowledged a moment ago."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.bus import inbox
from gridkeeper.bus.mover import known_series
from gridkeeper.bus.recognition import recognise
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window, merge_windows
from gridkeeper.lake import scan
from gridkeeper.lake.changes import Validity, status_runs
from gridkeeper.lake.settled import settled_runs
from gridkeeper.lake.store import Lake, Snapshot, open_lake
from gridkeeper.lake.tables import LOGS, RESULTS, RUNS, SERIES

connect = scan.connect
_LOW_BITS = 0xFFFF_FFFF


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
        settled = self._settled_runs(day)
        if settled is not None:
            return scan.parquet_table(con, settled, RUNS.schema)
        runs = status_runs(self.results(con, Window.of_day(day)), self._validity(con, validity or Validity()))
        return runs.mutate(date=ibis.literal(day)).select(*RUNS.schema.names)

    def days(self) -> list[date]:
        """Every UTC day that has results or runs, oldest first."""
        stored = [file.day for name in (self._results, self._runs) for file in name.files if file.day is not None]
        waiting = pc.unique(self._waiting.column("executed_at").cast(pa.date32())).to_pylist()
        return sorted({*stored, *waiting})

    def hard_ends(self, con: Any, days: Iterable[date]) -> Any:
        """Hard results `series, executed_at, seq, status, is_hard`; of settled days only the two ends of each run.

        Enough to tell since when a status has held, at the cost of what changed instead of what was measured.
        """
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

    def _validity(self, con: Any, validity: Validity) -> Any:
        exceptions = validity.exceptions
        if not exceptions:
            return validity.default_s
        series = self.series()
        seconds = [exceptions.get(metric, validity.default_s) for metric in series.column("metric").to_pylist()]
        columns = {"series": series.column("series"), "validity_s": pa.array(seconds, pa.int64())}
        return scan.arrow_table(con, pa.table(columns))

    def series(self) -> pa.Table:
        """Every series that was seen: `series, hostname, service_type, metric, vo`."""
        names = SERIES.schema.names
        seen = self._waiting.select(names).group_by(names).aggregate([])
        both = pa.concat_tables([known_series(self.lake), seen.select(names)])
        return both.group_by(names, use_threads=False).aggregate([])

    def key_of(self, series: int) -> SeriesKey | None:
        """What the series is of; None where none of that id was seen."""
        found = self.series()
        match = found.filter(pc.equal(found.column("series"), series)).to_pylist()
        return SeriesKey(*(match[0][name] for name in SERIES.schema.names[1:])) if match else None

    def history(self, series: int, window: Window, limit: int = 1000) -> list[Fact]:
        """The newest results of one series in the window, newest first; a later-received one comes before its twin."""
        with connect() as con:
            results = self.results(con, window)
            newest = results.filter(results.series == series).order_by([ibis.desc("executed_at"), ibis.desc("seq")])
            found = scan.rows(newest.limit(limit).drop("date"))
        return [Fact(**row | {"status": Status(row["status"])}) for row in found]

    def log(self, series: int, executed_at: datetime | None, fact: int) -> Log | None:
        """What that result said, or None where its log was never kept or has expired.

        `fact` is the whole hash or, from a compacted day, its low 32 bits. Without `executed_at` all days are searched.
        """
        window = None if executed_at is None else Window(executed_at, executed_at + timedelta(microseconds=1))
        matches = self._waiting_logs(series, fact) or self._stored_logs(series, fact, window)
        return next((log for log in matches if executed_at is None or log.executed_at == executed_at), None)

    def logs(self, facts: Sequence[Fact]) -> dict[tuple[int, datetime, int], Log]:
        """The logs of several results, by `(series, executed_at, fact & 0xFFFFFFFF)`."""
        if not facts:
            return {}
        times = [fact.executed_at for fact in facts]
        window = Window(min(times), max(times) + timedelta(microseconds=1))
        series = sorted({fact.series for fact in facts})
        with connect() as con:
            logs = self._all_logs(con, window)
            found = scan.rows(logs.filter(logs.series.isin(series)).drop("date"))
        return {(row["series"], row["executed_at"], row["fact"] & _LOW_BITS): Log(**row) for row in found}

    def _all_logs(self, con: Any, window: Window) -> Any:
        files = [file.uri for file in self._logs.of_days(window)]
        stored = scan.parquet_table(con, files, LOGS.schema)
        waiting = _dated(self._waiting, LOGS.schema)
        both = stored.union(scan.arrow_table(con, waiting)) if waiting.num_rows else stored
        return both.filter((both.executed_at >= window.start) & (both.executed_at < window.end))

    def _waiting_logs(self, series: int, fact: int) -> list[Log]:
        facts = self._waiting.column("fact").to_numpy() & _LOW_BITS
        is_it = (self._waiting.column("series").to_numpy() == series) & (facts == fact & _LOW_BITS)
        names = [name for name in LOGS.schema.names if name != "date"]
        return [Log(**row) for row in self._waiting.select(names).filter(pa.array(is_it)).to_pylist()]

    def _stored_logs(self, series: int, fact: int, window: Window | None) -> list[Log]:
        files = [file.uri for file in self._logs.of_days(window)]
        if not files:
            return []
        with connect() as con:
            logs = scan.parquet_table(con, files, LOGS.stored_schema)
            is_it = (logs.series == series) & (logs.fact.bit_and(_LOW_BITS) == fact & _LOW_BITS)
            return [Log(**row) for row in scan.rows(logs.filter(is_it))]

    def status_at(
        self, series: Iterable[int] | None, moment: datetime, look_back: timedelta = DAY
    ) -> Mapping[int, tuple[Status, datetime]]:
        """The newest hard result of each series at that instant, not older than `look_back`: status and time.

        None asks for all series. A series without such a result is not in the answer.
        """
        window = Window(moment - look_back, moment + timedelta(microseconds=1))
        with connect() as con:
            results = self.results(con, window)
            hard = results.filter(results.is_hard)
            if series is not None:
                hard = hard.filter(hard.series.isin(list(series)))
            order = ibis.window(group_by=hard.series, order_by=[ibis.desc(hard.executed_at), ibis.desc(hard.seq)])
            newest = hard.mutate(place=ibis.row_number().over(order))
            found = newest.filter(newest.place == 0).select("series", "status", "executed_at").to_pyarrow()
        return {row["series"]: (Status(row["status"]), row["executed_at"]) for row in found.to_pylist()}


def _dated(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.append_column("date", rows.column("executed_at").cast(pa.date32())).select(schema.names).cast(schema)


def open_facts() -> Facts:
    """The facts of this installation as of now."""
    return Facts(open_lake())
