"""The change points that a day is judged by: what was heard that day and the day before, without whom nobody hears."""

from collections.abc import Collection
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

import ibis

from gridkeeper.availability.plan_inputs import Table
from gridkeeper.availability.recomputations.rules import Silenced
from gridkeeper.availability.topology import Period
from gridkeeper.availability.verdicts import Ranges, judged_results
from gridkeeper.bus.facts import Facts
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.changes import Validity, status_runs
from gridkeeper.lake.series import validity_of

_COLUMNS = ("series", "status", "start", "last_at", "seq")


def runs_of(
    con: Any,
    facts: Facts,
    period: Period,
    validity: Validity,
    silenced: Collection[Silenced] = (),
    ranges: Ranges | None = None,
) -> Table:
    """Change points of the day and of the day before, from the facts.

    Results of silenced workers do not count; ranges: thresholds that replace the statuses of some series
    """
    both = [runs_on(con, facts, day, validity, silenced, ranges) for day in (period.day - DAY, period.day)]
    # A result with a clock ahead of ours does not count before its time has come.
    return both[0].union(both[1]).filter(ibis._.start < period.window.end)


def runs_on(
    con: Any,
    facts: Facts,
    day: date,
    validity: Validity,
    silenced: Collection[Silenced] = (),
    ranges: Ranges | None = None,
) -> Table:
    """Change points of one day by itself."""
    whole = Window.of_day(day)
    near = [each for each in silenced if each.window.is_overlapping(whole)]
    if not near and ranges is None:
        return facts.runs(con, day, validity).select(*_COLUMNS)
    results = facts.results(con, whole)
    if near:
        results = results.filter(~reduce(or_, (_is_of(results, each) for each in near)))
    # A day's stored runs do not say whose results made them, nor what these measured, so that they are found again.
    lasting = validity_of(con, facts.series(), validity)
    if ranges is None:
        return status_runs(results, lasting).select(*_COLUMNS)
    own = ranges.series(con)
    others = status_runs(results.anti_join(own, "series"), lasting) if near else facts.runs(con, day, validity)
    judged = status_runs(judged_results(con, facts, results, whole, ranges), lasting)
    return others.anti_join(own, "series").select(*_COLUMNS).union(judged.select(*_COLUMNS))


def _is_of(results: Table, silenced: Silenced) -> Any:
    within = (results.executed_at >= silenced.window.start) & (results.executed_at < silenced.window.end)
    return (results.worker.fill_null("") == silenced.worker) & within


def count_ignored(con: Any, facts: Facts, period: Period, series: Table) -> int:
    """How many hard results of the period are of no series that is expected of anybody (`series`: column series)."""
    # Mostly there are none, and change points are a fraction of the results.
    if facts.has_settled_runs(period.day) and not _has_others(facts.runs(con, period.day), series):
        return 0
    results = facts.results(con, period.window)
    return int(results.filter(results.is_hard).anti_join(series, "series").count().to_pyarrow().as_py())


def _has_others(runs: Table, series: Table) -> bool:
    return bool(runs.anti_join(series, "series").limit(1).to_pyarrow().num_rows)
