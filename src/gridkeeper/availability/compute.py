"""Days computed into the lake. Used by tasks.py, the command line, and the demo's history."""

import gc
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import structlog
from django.conf import settings

from gridkeeper.availability import assignments, computations, marks, tables, topology
from gridkeeper.availability.assignments import Day
from gridkeeper.availability.heard import count_ignored
from gridkeeper.availability.heard import runs_of as runs_of
from gridkeeper.availability.models import Computation
from gridkeeper.availability.placed import Placed
from gridkeeper.availability.publishing import outdated
from gridkeeper.availability.recomputations import effects, queries
from gridkeeper.availability.topology import Period
from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.parquet import with_dictionaries
from gridkeeper.lake.scan import arrow_table, computing
from gridkeeper.lake.store import Lake, open_lake

log = structlog.get_logger(__name__)

#: Days that are replaced in one commit: bounds memory, keeps commits few.
_DAYS_A_COMMIT = 4
#: In this order: a day's figures are replaced last, so that a crash before leaves the former ones.
_TABLES = (tables.TIMELINE_TABLE, tables.HOUR_TABLE, tables.DAY_TABLE)


@dataclass(frozen=True, slots=True)
class Computed:
    """What one call did. figures: rows of availability_day; failed: days of which a report kept its former figures."""

    days: tuple[date, ...]
    figures: int
    took_s: float
    failed: tuple[date, ...] = ()


@dataclass
class _Made:
    """The rows of one day, by the names of the tables, and what they were made of. failed: reports without new ones."""

    period: Period
    rows: dict[str, list[pa.Table]] = field(default_factory=lambda: {table.name: [] for table in _TABLES})
    computations: list[Computation] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def table(self, name: str) -> pa.Table:
        found = self.rows[name]
        return pa.concat_tables(found) if found else _SCHEMAS[name].empty_table()


#: As `Placed` makes the rows.
_SCHEMAS = {table.name: with_dictionaries(table.schema, tables.PLACE) for table in _TABLES}


def compute_days(days: Iterable[date], now: datetime) -> Computed:
    """Computes the figures and timelines of these UTC days and replaces former ones; today counts until `now`.

    Days that have not begun are left out. A report that cannot be computed keeps its former figures, its Computation
    says why, and its day stays marked; so does a day whose process dies: each table is replaced in one commit, the
    figures last, and the mark is cleared after them.
    """
    started = time.monotonic()
    periods = [period for day in sorted(set(days)) if (period := Period.of(day, now)) is not None]
    figures, failed = 0, []
    for first in range(0, len(periods), _DAYS_A_COMMIT):
        made = _compute(periods[first : first + _DAYS_A_COMMIT], now)
        figures += sum(each.table(tables.DAY_TABLE.name).num_rows for each in made)
        failed += [each.period.day for each in made if each.failed]
    took_s = time.monotonic() - started
    done = tuple(period.day for period in periods)
    log.info("availability computed", days=len(done), failed=len(failed), figures=figures, took_s=round(took_s, 3))
    return Computed(done, figures, took_s, tuple(failed))


def _compute(periods: Sequence[Period], now: datetime) -> list[_Made]:
    started = time.monotonic()
    window = Window(periods[0].window.start, periods[-1].window.end)
    days = [period.day for period in periods]
    marks.begun(days, now)
    made = _judged(periods, window, now)
    lake = open_lake()
    with effects.watching(window, days, now) as watch:
        for table in _TABLES:
            _replace(lake, table.name, made, window)
        watch.see([each.table(tables.DAY_TABLE.name) for each in made])
    whole = [each.period.day for each in made if not each.failed]
    finished = [row for each in made for row in each.computations]
    computations.done(finished, now)
    marks.computed(whole, now, (time.monotonic() - started) / len(periods))
    effects.settle(now)
    outdated.note({(row.day, row.report): row.checksum for row in finished}, now)
    return made


@contextmanager
def _unswept() -> Iterator[None]:
    """Without the collector of cycles: the registry's rows are a hundred thousand objects, none of them garbage, which
    it would look through again and again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _judged(periods: Sequence[Period], window: Window, now: datetime) -> list[_Made]:
    """Each day's rows, share by share; a share that fails leaves the others be.

    What asks the database stays in this thread: it makes the trees of days while others are being judged.
    """
    facts, names, changes = open_facts(), topology.names(), queries.changes_in_force(window)
    reading = topology.Reading(window)
    with _unswept(), ThreadPoolExecutor(_side_by_side(facts, periods)) as pool:
        days = (assignments.day_of(period, changes, names, reading) for period in periods)
        begun = [_begin(pool, facts, day, now) for day in days]
        return [_finish(*each, now) for each in begun]


def _side_by_side(facts: Facts, periods: Sequence[Period]) -> int:
    """How many shares are judged at once. Days of results take all the processors and memory that one engine has."""
    is_cheap = all(facts.has_settled_runs(day) for period in periods for day in (period.day - DAY, period.day))
    return 2 if is_cheap and settings.GRIDKEEPER.engine == "duckdb" else 1


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a share, by the names of the tables, and of each of its reports the checksum of its figures."""

    tables: Mapping[str, pa.Table]
    checksums: Mapping[str, str]


_Judged = list[tuple[assignments.Share, Future[_Rows]]]


def _begin(pool: Executor, facts: Facts, day: Day, now: datetime) -> tuple[Day, _Judged, Future[int]]:
    computations.begun({day.period.day: day.reports}, now)
    judged = [(share, pool.submit(_rows, facts, day, share)) for share in day.shares()]
    return day, judged, pool.submit(_ignored, facts, day)


def _finish(day: Day, judged: _Judged, ignored: Future[int], now: datetime) -> _Made:
    made = _Made(day.period)
    for report, error in day.broken.items():
        log.error("availability not computed", day=str(day.period.day), reports=[report], error=str(error))
        _fail(made, [report], error, now)
    for share, rows in judged:
        try:
            _add(made, day, rows.result(), ignored.result())
        except Exception as error:
            log.exception("availability not computed", day=str(day.period.day), reports=sorted(share.reports))
            _fail(made, sorted(share.reports), error, now)
    return made


def _fail(made: _Made, reports: Sequence[str], error: Exception, now: datetime) -> None:
    computations.failed(made.period.day, reports, error, now)
    made.failed += reports


def _rows(facts: Facts, day: Day, share: assignments.Share) -> _Rows:
    with computing() as con:
        tree, judgement = assignments.judge_share(con, facts, day, share)
        rows = Placed(tree, day.names, day.period.day).rows(judgement)
    figures = rows[tables.DAY_TABLE.name]
    return _Rows(rows, {report: computations.checksum(figures, report) for report in sorted(share.reports)})


def _add(made: _Made, day: Day, rows: _Rows, ignored: int) -> None:
    made.computations += [
        Computation(
            day=day.period.day, report=report, inputs=_inputs(day, report), recomputations=day.keys_for(report),
            ignored=ignored, checksum=checksum,
        )
        for report, checksum in rows.checksums.items()
    ]  # fmt: skip
    for name, table in rows.tables.items():
        made.rows[name].append(table)


def _inputs(day: Day, report: str) -> dict[str, str]:
    known = day.judged_by.get(report)
    return dict(known.inputs) if known else {}


def _ignored(facts: Facts, day: Day) -> int:
    with computing() as con:
        return count_ignored(con, facts, day.period, arrow_table(con, pa.table({"series": day.tree.series()})))


def _replace(lake: Lake, name: str, made: Sequence[_Made], window: Window) -> None:
    """The days' rows of one table, in one commit; reports that failed keep those that they had."""
    kept = [_former(lake, name, each) for each in made if each.failed]
    rows = pa.concat_tables([*[each.table(name) for each in made], *kept])
    if rows.num_rows or lake.files(name, window):
        lake.replace_days(name, [each.period.day for each in made], rows)


def _former(lake: Lake, name: str, made: _Made) -> pa.Table:
    files = lake.snapshot(name).of_days(Window.of_day(made.period.day))
    rows = lake.read(name, files, pc.field("report").isin(made.failed))
    day = pa.repeat(pa.scalar(made.period.day, pa.date32()), rows.num_rows)
    schema = _SCHEMAS[name]
    return rows.append_column("date", day).select(schema.names).cast(schema)
