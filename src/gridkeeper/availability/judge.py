"""One day judged: the plan run step by step, and its figures. Used by compute.py, pages, tests and benchmarks.

The plan is made into statements once for every length of a day, which nearly always is 86 400 s: making them takes
longer than running them on the facts of a small federation.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import ibis
import pyarrow as pa

from gridkeeper.availability import plan
from gridkeeper.availability.levels import COMBINED, MEASURES, WEIGHTED, WITH_TIMELINES, Level
from gridkeeper.availability.plan import SCHEMAS, TIMELINE, Inputs, Table
from gridkeeper.availability.rules import Rules
from gridkeeper.lake.engines import engine_of
from gridkeeper.lake.scan import bind, rows

__all__ = ["Judgement", "Rules", "judge"]

_WEIGHED = {"weight": "float64"} | dict.fromkeys(WEIGHTED, "float64")
_FIGURES = {"node": "int64"} | dict.fromkeys(MEASURES, "int64") | _WEIGHED
_HOURS = {"node": "int64", "hour": "int64"} | dict.fromkeys(MEASURES, "int64") | _WEIGHED


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: its rows are kept under the name, for the steps that build on them."""

    name: str
    schema: dict[str, str]
    sql: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a statement is made of."""

    name: str
    schema: dict[str, str]
    expression: Table


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the plan says of a day.

    timelines: by level, metric to site: node, status (`Operations.code`), start_s, end_s
    figures: node and levels.MEASURES, of every node of every level; `weight` of sites that have one; levels.WEIGHTED
        of sites, regions and the federation
    hours: the same for every hour of nodes from services up, with `hour`; None where they were not asked for
    """

    timelines: Mapping[Level, Table]
    figures: Table
    hours: Table | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What of the plan a tree needs: by level the operations that occur, and the levels that have overrides."""

    used: tuple[tuple[str, ...], ...]
    overridden: frozenset[Level]


def judge(con: Any, rules: Rules, *, with_hours: bool = True) -> Judgement:
    """Runs the plan on what `relations.provide` gave the session.

    Raises OperationsError where the tree names an operation that the rules' profile does not have.
    """
    engine, kept = engine_of(con), {}
    engine.give(con, "truth", _truth(rules))
    for step in _steps(rules, _shape(con), engine.dialect, with_hours):
        engine.keep(con, step.name, step.sql)
        kept[step.name] = bind(con, step.name, ibis.schema(step.schema).to_pyarrow())
    return Judgement({level: kept[level.label] for level in WITH_TIMELINES}, kept["figures"], kept.get("hours"))


def _truth(rules: Rules) -> pa.Table:
    lines = list(rules.operations.truth())
    names = list(SCHEMAS["truth"])
    schema = ibis.schema(SCHEMAS["truth"]).to_pyarrow()
    return pa.table({name: [line[place] for line in lines] for place, name in enumerate(names)}, schema=schema)


def _shape(con: Any) -> Shape:
    made_by, overrides = (bind(con, name, ibis.schema(SCHEMAS[name]).to_pyarrow()) for name in ("made_by", "overrides"))
    used = defaultdict(set)
    for row in rows(made_by.select("level", "operation").distinct()):
        used[row["level"]].add(row["operation"])
    overridden = frozenset(Level(row["level"]) for row in rows(overrides.select("level").distinct()))
    return Shape(tuple(tuple(sorted(used[level])) for level in COMBINED), overridden)


@lru_cache(maxsize=32)
def _steps(rules: Rules, shape: Shape, dialect: str, with_hours: bool) -> tuple[Step, ...]:
    inputs = plan.named_inputs(rules)
    tables = [*_timelines(inputs, shape), *_figures(inputs), *(_hours(inputs) if with_hours else ())]
    return tuple(Step(made.name, made.schema, _sql(made, dialect)) for made in tables)


def _sql(made: Made, dialect: str) -> str:
    columns = {column: made.expression[column].cast(kind) for column, kind in made.schema.items()}
    return str(ibis.to_sql(made.expression.select(**columns), dialect=dialect, pretty=False))


def _timelines(inputs: Inputs, shape: Shape) -> Iterator[Made]:
    yield from _of_level(inputs, Level.METRIC, plan.metric_timelines(inputs), shape)
    for level, used in zip(COMBINED, shape.used, strict=True):
        below = _kept(Level(level - 1).label, TIMELINE)
        # A tree without any node has no operation either.
        made = plan.level_timelines(inputs, level, below, used) if used else below
        yield from _of_level(inputs, level, made, shape)


def _of_level(inputs: Inputs, level: Level, made: Table, shape: Shape) -> Iterator[Made]:
    if level not in shape.overridden:
        yield Made(level.label, TIMELINE, made)
        return
    before = f"{level.label}_before"
    yield Made(before, TIMELINE, made)
    yield Made(level.label, TIMELINE, plan.overridden(inputs, level, _kept(before, TIMELINE)))


def _figures(inputs: Inputs) -> Iterator[Made]:
    operations = inputs.operations
    of_sites = plan.figures(_kept("site", TIMELINE), operations)
    yield Made("site_figures", _FIGURES, plan.weighed(of_sites, inputs.weights))
    regions = plan.sums(_kept("site_figures", _FIGURES), inputs.nodes)
    yield Made("region_figures", _FIGURES, _summed_up(regions))
    lower = [plan.figures(_kept(level.label, TIMELINE), operations) for level in WITH_TIMELINES[:-1]]
    yield Made("figures", _FIGURES, _union([*map(plan.unweighed, lower), *_summed(inputs, "figures", _FIGURES)]))


def _hours(inputs: Inputs) -> Iterator[Made]:
    cut = {level: plan.hours(_kept(level.label, TIMELINE)) for level in COMBINED}
    of_sites = plan.figures(cut.pop(Level.SITE), inputs.operations, "hour")
    yield Made("site_hours", _HOURS, plan.weighed(of_sites, inputs.weights))
    yield Made("region_hours", _HOURS, _summed_up(plan.sums(_kept("site_hours", _HOURS), inputs.nodes, "hour")))
    lower = [plan.figures(each, inputs.operations, "hour") for each in cut.values()]
    yield Made("hours", _HOURS, _union([*map(plan.unweighed, lower), *_summed(inputs, "hours", _HOURS, "hour")]))


def _summed(inputs: Inputs, what: str, schema: dict[str, str], *keys: str) -> list[Table]:
    """Sites, regions and the federation, of which the last is not kept by itself."""
    regions = _kept(f"region_{what}", schema)
    return [_kept(f"site_{what}", schema), regions, _summed_up(plan.sums(regions, inputs.nodes, *keys))]


def _summed_up(figures: Table) -> Table:
    """A sum has weighted figures and no weight."""
    return figures.mutate(weight=ibis.null("float64"))


def _kept(name: str, schema: dict[str, str]) -> Table:
    return ibis.table(schema, name=name)


def _union(tables: list[Table]) -> Table:
    columns = tables[0].columns
    return reduce(lambda left, right: left.union(right), [table.select(*columns) for table in tables])
