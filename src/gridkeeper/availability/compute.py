"""Days computed into the lake. Used by tasks.py, the command line, and the demo's history."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa
import structlog

from gridkeeper.availability import marks, tables, topology
from gridkeeper.availability.judge import Judgement, judge
from gridkeeper.availability.levels import MEASURES, Level
from gridkeeper.availability.plan import Table
from gridkeeper.availability.relations import provide
from gridkeeper.availability.topology import Period
from gridkeeper.availability.tree import Tree
from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.scan import arrow_table, connect
from gridkeeper.lake.store import open_lake

log = structlog.get_logger(__name__)

#: Days that are replaced in one commit: bounds memory, keeps commits few.
_DAYS_A_COMMIT = 8
_TABLES = (tables.DAY_TABLE, tables.HOUR_TABLE, tables.TIMELINE_TABLE)


@dataclass(frozen=True, slots=True)
class Computed:
    """What one call did. figures: rows of availability_day."""

    days: tuple[date, ...]
    figures: int
    took_s: float


def compute_days(days: Iterable[date], now: datetime) -> Computed:
    """Computes the figures and timelines of these UTC days and replaces former ones; today counts until `now`.

    Days that have not begun are left out. Each table is replaced in one commit, so that a crash leaves former figures;
    the day's mark is cleared last, so that it is then computed again.
    """
    started = time.monotonic()
    periods = [period for day in sorted(set(days)) if (period := Period.of(day, now)) is not None]
    figures = 0
    for first in range(0, len(periods), _DAYS_A_COMMIT):
        figures += _compute(periods[first : first + _DAYS_A_COMMIT], now)
    took_s = time.monotonic() - started
    done = tuple(period.day for period in periods)
    log.info("availability computed", days=len(done), figures=figures, took_s=round(took_s, 3))
    return Computed(done, figures, took_s)


def _compute(periods: Sequence[Period], now: datetime) -> int:
    started = time.monotonic()
    facts, validity, names = open_facts(), topology.validity(), _names()
    parts = [_rows_of_day(facts, validity, period, names) for period in periods]
    lake, days = open_lake(), [period.day for period in periods]
    for table in _TABLES:
        rows = pa.concat_tables([part[table.name] for part in parts])
        if rows.num_rows or lake.files(table.name, Window(periods[0].window.start, periods[-1].window.end)):
            lake.replace_days(table.name, days, rows)
    took_s = (time.monotonic() - started) / len(periods)
    marks.computed(days, now, took_s)
    return sum(part[tables.DAY_TABLE.name].num_rows for part in parts)


def _rows_of_day(facts: Facts, validity: Validity, period: Period, names: "Names") -> dict[str, pa.Table]:
    tree = topology.tree_of(period)
    with connect() as con:
        provide(con, tree, runs_of(con, facts, period, validity), period.day)
        judgement = judge(con, period.length_s)
        placed = _Placed(con, tree, names, period.day)
        return {
            tables.DAY_TABLE.name: placed.figures(judgement.figures, tables.DAY_TABLE.schema),
            tables.HOUR_TABLE.name: placed.figures(judgement.hours, tables.HOUR_TABLE.schema),
            tables.TIMELINE_TABLE.name: placed.timelines(judgement),
        }


def runs_of(con: Any, facts: Facts, period: Period, validity: Validity) -> Table:
    """Change points of the day and of the day before, from the facts."""
    columns = ("series", "status", "start", "last_at", "seq")
    both = [facts.runs(con, day, validity).select(*columns) for day in (period.day - DAY, period.day)]
    # A result with a clock ahead of ours does not count before its time has come.
    return both[0].union(both[1]).filter(ibis._.start < period.window.end)


@dataclass(frozen=True, slots=True)
class Names:
    """Names by key, as they are now: regions and sites keep their keys when they are renamed."""

    regions: Mapping[str, str]
    sites: Mapping[str, str]


def _names() -> Names:
    known = topology.names()
    return Names(known.regions, known.sites)


class _Placed:
    """Turns rows that name nodes into rows that say where they stand."""

    def __init__(self, con: Any, tree: Tree, names: Names, day: date) -> None:
        columns: dict[str, list[Any]] = {name: [] for name in ("node", *tables.PLACE)}
        for path, node in tree.numbers.items():
            values = (
                path.report, path.level.label, path.region, names.regions.get(path.region, ""), path.site,
                names.sites.get(path.site, ""), path.service_type, path.hostname, path.metric,
            )  # fmt: skip
            for name, value in zip(columns, (node, *values), strict=True):
                columns[name].append(value)
        types = [("node", pa.int64()), *[(name, pa.string()) for name in tables.PLACE]]
        self._places = arrow_table(con, pa.table(columns, schema=pa.schema(types)))
        self._day = day

    def figures(self, figures: Table | None, schema: pa.Schema) -> pa.Table:
        assert figures is not None
        rows = figures.mutate(**{name: figures[name].cast("int64") for name in MEASURES})
        return self._place(rows, schema)

    def timelines(self, judgement: Judgement) -> pa.Table:
        levels = [judgement.timelines[level] for level in (Level.SERVICE, Level.FLAVOUR, Level.SITE)]
        periods = levels[0].union(*levels[1:])
        midnight_s = int(Window.of_day(self._day).start.timestamp())
        moments = {name: (periods[f"{name}_s"] + midnight_s) * 1_000_000 for name in ("start", "end")}
        return self._place(periods.mutate(**moments), tables.TIMELINE_TABLE.schema)

    def _place(self, rows: Table, schema: pa.Schema) -> pa.Table:
        placed = rows.join(self._places, "node").drop("node").to_pyarrow()
        dated = placed.append_column("date", pa.repeat(pa.scalar(self._day, pa.date32()), placed.num_rows))
        return dated.select(schema.names).cast(schema)
