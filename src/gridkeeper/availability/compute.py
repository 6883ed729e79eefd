"""Days computed into the lake. Used by tasks.py, the command line, and the demo's history."""

import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog

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
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table, computing
from gridkeeper.lake.store import Lake, open_lake

log = structlog.get_logger(__name__)

#: Days that are replaced in one commit: bounds memory, keeps commits few.
_DAYS_A_COMMIT = 8
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


_SCHEMAS = {table.name: table.schema for table in _TABLES}


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
    facts, names, changes = open_facts(), topology.names(), queries.changes_in_force(window)
    made = []
    for period in periods:
        with _unswept():
            made.append(_made(facts, assignments.day_of(period, changes, names), now))
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
    """Without the collector of cycles: a day's tree is half a million tuples, none of them garbage, which it would look
    through again and again, for half of the time that making them takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _made(facts: Facts, day: Day, now: datetime) -> _Made:
    """The day's rows, share by share; a share that fails leaves the others be."""
    made = _Made(day.period)
    computations.begun({day.period.day: day.reports}, now)
    for report, error in day.broken.items():
        log.error("availability not computed", day=str(day.period.day), reports=[report], error=str(error))
        _fail(made, [report], error, now)
    for share in day.shares():
        try:
            _make(facts, day, share, made)
        except Exception as error:
            log.exception("availability not computed", day=str(day.period.day), reports=sorted(share.reports))
            _fail(made, sorted(share.reports), error, now)
    return made


def _fail(made: _Made, reports: Sequence[str], error: Exception, now: datetime) -> None:
    computations.failed(made.period.day, reports, error, now)
    made.failed += reports


def _make(facts: Facts, day: Day, share: assignments.Share, made: _Made) -> None:
    with computing() as con:
        tree, judgement = assignments.judge_share(con, facts, day, share)
        rows = Placed(con, tree, day.names, day.period.day).rows(judgement)
        ignored = _ignored(con, facts, day)
    for name, table in rows.items():
        made.rows[name].append(table)
    figures = rows[tables.DAY_TABLE.name]
    made.computations += [
        Computation(
            day=day.period.day, report=report, inputs=_inputs(day, report),
            recomputations=day.keys_for(report), ignored=ignored, checksum=computations.checksum(figures, report),
        )
        for report in sorted(share.reports)
    ]  # fmt: skip


def _inputs(day: Day, report: str) -> dict[str, str]:
    known = day.judged_by.get(report)
    return dict(known.inputs) if known else {}


def _ignored(con: Any, facts: Facts, day: Day) -> int:
    series = pa.array(sorted({line.series for line in day.tree.expected}), pa.int64())
    return count_ignored(con, facts, day.period, arrow_table(con, pa.table({"series": series})))


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
