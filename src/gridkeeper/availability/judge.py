"""One day judged: the plan run step by step, and its figures. Used by compute.py, pages, tests and benchmarks.

The plan is made into statements once for every length of a day, which nearly always is 86 400 s: making them takes
longer than running them on the facts of a small federation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import ibis

from gridkeeper.availability import plan
from gridkeeper.availability.levels import MEASURES, OPERATIONS, Level
from gridkeeper.availability.plan import TIMELINE, Inputs, Table
from gridkeeper.lake.scan import bind

_WITH_TIMELINES = (Level.METRIC, *OPERATIONS)
_FIGURES = {"node": "int64"} | dict.fromkeys(MEASURES, "int64")
_HOURS = {"node": "int64", "hour": "int64"} | dict.fromkeys(MEASURES, "int64")


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: its rows are kept under the name, for the steps that build on them."""

    name: str
    schema: dict[str, str]
    sql: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the plan says of a day.

    timelines: by level, metric to site: node, status, start_s, end_s
    figures: node and levels.MEASURES, of every node of every level
    hours: the same for every hour of nodes from services up, with `hour`; None where they were not asked for
    """

    timelines: Mapping[Level, Table]
    figures: Table
    hours: Table | None


def judge(con: Any, length_s: int, *, with_hours: bool = True) -> Judgement:
    """Runs the plan on what `relations.provide` gave the session; `length_s` of the day count."""
    kept = {}
    for step in _steps(length_s, with_hours):
        con.con.execute(f"CREATE OR REPLACE TEMP TABLE {step.name} AS {step.sql}")
        kept[step.name] = bind(con, step.name, ibis.schema(step.schema).to_pyarrow())
    return Judgement({level: kept[level.label] for level in _WITH_TIMELINES}, kept["figures"], kept.get("hours"))


@lru_cache(maxsize=8)
def _steps(length_s: int, with_hours: bool) -> tuple[Step, ...]:
    inputs = plan.named_inputs(length_s)
    steps = [*_timelines(inputs), *_figures(inputs)]
    return (*steps, *_hours(inputs)) if with_hours else tuple(steps)


def _timelines(inputs: Inputs) -> Iterator[Step]:
    yield _step(Level.METRIC.label, TIMELINE, plan.metric_timelines(inputs))
    for level in OPERATIONS:
        below = _kept(Level(level - 1).label, TIMELINE)
        yield _step(level.label, TIMELINE, plan.level_timelines(inputs, level, below))


def _figures(inputs: Inputs) -> Iterator[Step]:
    yield _step("site_figures", _FIGURES, plan.figures(_kept("site", TIMELINE)))
    yield _step("region_figures", _FIGURES, plan.sums(_kept("site_figures", _FIGURES), inputs.nodes))
    lower = [plan.figures(_kept(level.label, TIMELINE)) for level in _WITH_TIMELINES if level is not Level.SITE]
    yield _step("figures", _FIGURES, _union([*lower, *_summed(inputs, "figures", _FIGURES)]))


def _hours(inputs: Inputs) -> Iterator[Step]:
    cut = {level: plan.hours(_kept(level.label, TIMELINE)) for level in OPERATIONS}
    yield _step("site_hours", _HOURS, plan.figures(cut.pop(Level.SITE), "hour"))
    yield _step("region_hours", _HOURS, plan.sums(_kept("site_hours", _HOURS), inputs.nodes, "hour"))
    lower = [plan.figures(each, "hour") for each in cut.values()]
    yield _step("hours", _HOURS, _union([*lower, *_summed(inputs, "hours", _HOURS, "hour")]))


def _summed(inputs: Inputs, what: str, schema: dict[str, str], *keys: str) -> list[Table]:
    """Sites, regions and the federation, of which the last is not kept by itself."""
    regions = _kept(f"region_{what}", schema)
    return [_kept(f"site_{what}", schema), regions, plan.sums(regions, inputs.nodes, *keys)]


def _kept(name: str, schema: dict[str, str]) -> Table:
    return ibis.table(schema, name=name)


def _step(name: str, schema: dict[str, str], expression: Table) -> Step:
    columns = {column: expression[column].cast(kind) for column, kind in schema.items()}
    return Step(name, schema, ibis.to_sql(expression.select(**columns), dialect="duckdb", pretty=False))


def _union(tables: list[Table]) -> Table:
    columns = tables[0].columns
    return reduce(lambda left, right: left.union(right), [table.select(*columns) for table in tables])
