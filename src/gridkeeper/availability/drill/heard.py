"""The change points of a few series over many days, each day's by itself, quickly.

`heard.runs_on` makes one expression a day, and Ibis takes longer to write a month of them than DuckDB to answer. Days
that are settled are read as they stand; of all others the results of these series are looked up, and the days told
apart by numbers of their own for their series, so that the one expression that finds change points finds them all.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.availability.recomputations.rules import Silenced
from gridkeeper.availability.verdicts import Ranges
from gridkeeper.bus.facts import Facts
from gridkeeper.core.windows import Window
from gridkeeper.lake.changes import Validity, status_runs
from gridkeeper.lake.scan import arrow_table, connect
from gridkeeper.lake.tables import INSTANT

RUNS = pa.schema(
    [("series", pa.int64()), ("status", pa.int32()), ("start", INSTANT), ("last_at", INSTANT), ("seq", pa.int64())]
)


def runs_of_days(
    facts: Facts,
    days: Sequence[date],
    series: Sequence[int],
    validity: Validity,
    silenced: Collection[Silenced] = (),
    ranges: Ranges | None = None,
) -> pa.Table:
    """The runs of the series on each of the days; results of silenced workers do not count, ranges judge the others."""
    from gridkeeper.availability.heard import runs_on

    deaf = [day for day in days if any(each.window.is_overlapping(Window.of_day(day)) for each in silenced)]
    as_they_stand = [day for day in days if ranges or day in deaf or facts.has_settled_runs(day)]
    others = [day for day in days if day not in as_they_stand]
    found = [_found(facts, others, series, validity)] if others else []
    if as_they_stand:
        with connect() as con:
            each_day = [runs_on(con, facts, day, validity, silenced, ranges) for day in as_they_stand]
            first, *rest = [runs.select(*RUNS.names) for runs in each_day]
            wanted = arrow_table(con, pa.table({"series": pa.array(series, pa.int64())}))
            found.append(first.union(*rest).semi_join(wanted, "series").to_pyarrow().cast(RUNS))
    return pa.concat_tables(found)


def _found(facts: Facts, days: Sequence[date], series: Sequence[int], validity: Validity) -> pa.Table:
    results = facts.hard_results(series, Window(Window.of_day(days[0]).start, Window.of_day(days[-1]).end))
    numbers = pa.array(days, pa.date32())
    day = pc.index_in(results.column("executed_at").cast(pa.date32()), numbers)
    results = results.append_column("day", day).filter(pc.is_valid(day))
    known = pa.array(series, pa.int64())
    number = pc.index_in(results.column("series"), known).cast(pa.int64())
    apart = pc.add(pc.multiply(number, len(days)), results.column("day").cast(pa.int64()))
    told_apart = results.drop_columns(["series", "day"]).append_column("series", apart)
    hard = told_apart.append_column("is_hard", pa.repeat(pa.scalar(value=True), results.num_rows))
    runs = _status_runs(hard, _seconds(facts, series, validity, len(days)))
    back = pc.take(known, pc.divide(runs.column("series"), len(days)))
    return runs.set_column(runs.column_names.index("series"), "series", back).select(RUNS.names).cast(RUNS)


def _status_runs(results: pa.Table, validity: pa.Table) -> pa.Table:
    with connect() as con:
        found: pa.Table = status_runs(arrow_table(con, results), arrow_table(con, validity)).to_pyarrow()
    return found


def _seconds(facts: Facts, series: Sequence[int], validity: Validity, days: int) -> pa.Table:
    """How long results of each of the numbers hold, where that is not the default."""
    exceptions = validity.exceptions
    metrics: dict[int, Any] = {}
    if exceptions:
        named = facts.series()
        metrics = dict(zip(*(named.column(name).to_pylist() for name in ("series", "metric")), strict=True))
    rows = [
        (place * days + day, exceptions[metrics[each]])
        for place, each in enumerate(series)
        if metrics.get(each) in exceptions
        for day in range(days)
    ]
    columns = {"series": [row[0] for row in rows], "validity_s": [row[1] for row in rows]}
    return pa.table(columns, pa.schema([("series", pa.int64()), ("validity_s", pa.int64())]))
