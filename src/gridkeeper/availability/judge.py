"""One day judged: the plan run step by step, and its figures. Used by compute.py, pages, tests and benchmarks.

The plan is made into statements once for every operations profile and shape of a tree: making them takes longer than
running them on the facts of a small federation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import Any

import ibis
import pyarrow as pa

from gridkeeper.availability import plan
from gridkeeper.availability.levels import COMBINED, MEASURES, WEIGHTED, WITH_TIMELINES, Level
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.plan_inputs import SCHEMAS, TIMELINE, Inputs, Table, named_inputs
from gridkeeper.availability.plan_metrics import metric_timelines
from gridkeeper.availability.rules import Rules
from gridkeeper.lake.engines import engine_of
from gridkeeper.lake.scan import bind, rows

__all__ = ["Judgement", "Rules", "judge"]

_MEASURED = dict.fromkeys(MEASURES, "int64")
_WEIGHED = {"weight": "float64"} | dict.fromkeys(WEIGHTED, "float64")
#: What figures are of: a node of the day, or of an hour.
_DAY = {"node": "int64"}
_HOUR = {"node": "int64", "hour": "int64"}


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
    halves: "figures" and, where they were asked for, "hours" in two parts: of nodes that have no weights, without these
        columns, and of the others
    operations: whose states the timelines have
    """

    timelines: Mapping[Level, Table]
    halves: Mapping[str, tuple[Table, Table]]
    operations: Operations

    @property
    def figures(self) -> Table:
        """Node and levels.MEASURES, of every node of every level; `weight` of sites that have one; levels.WEIGHTED of
        sites, regions and the federation.
        """
        return self._whole("figures")

    @property
    def hours(self) -> Table | None:
        """The same for every hour of nodes from services up, with `hour`; None where they were not asked for."""
        return self._whole("hours") if "hours" in self.halves else None

    def _whole(self, what: str) -> Table:
        """Of nearly all nodes there are no weighted figures: these columns are not made until somebody reads them."""
        lower, upper = self.halves[what]
        return plan.unweighed(lower).select(*upper.columns).union(upper)


@dataclass(frozen=True, slots=True)
class Shape:
    """What of the plan a tree needs.

    used: the operations that occur, by level
    has_plain_functions: every function has one service type, as where no report names functions: it is as that is.
        The same could be said of other levels, but each answer is a set of statements more, and they are dear to make
    overridden: levels that have overrides
    """

    used: Mapping[Level, tuple[str, ...]]
    has_plain_functions: bool
    overridden: frozenset[Level]

    def __hash__(self) -> int:
        return hash((tuple(self.used.items()), self.has_plain_functions, self.overridden))


def judge(con: Any, rules: Rules, *, with_hours: bool = True) -> Judgement:
    """Runs the plan on what `relations.provide` gave the session.

    Raises OperationsError where the tree names an operation that the rules' profile does not have.
    """
    engine, kept = engine_of(con), {}
    engine.give(con, "truth", _truth(rules))
    for step in _steps(replace(rules, length_s=_ANY_LENGTH_S), _shape(con), engine.dialect, with_hours):
        engine.keep(con, step.name, step.sql.replace(str(_ANY_LENGTH_S), str(rules.length_s)))
        kept[step.name] = bind(con, step.name, ibis.schema(step.schema).to_pyarrow())
    timelines = {level: kept[level.label] for level in WITH_TIMELINES}
    made = ("figures", "hours") if with_hours else ("figures",)
    halves = {what: (kept[f"lower_{what}"], kept[f"upper_{what}"]) for what in made}
    return Judgement(timelines, halves, rules.operations)


def _truth(rules: Rules) -> pa.Table:
    lines = list(rules.operations.truth())
    names = list(SCHEMAS["truth"])
    schema = ibis.schema(SCHEMAS["truth"]).to_pyarrow()
    return pa.table({name: [line[place] for line in lines] for place, name in enumerate(names)}, schema=schema)


def _shape(con: Any) -> Shape:
    made_by, overrides = (bind(con, name, ibis.schema(SCHEMAS[name]).to_pyarrow()) for name in ("made_by", "overrides"))
    of_nodes = made_by.group_by("level", "operation").agg(most=made_by.children.max())
    of_overrides = overrides.group_by("level").agg(most=ibis.literal(0, "int32")).mutate(operation=ibis.literal(""))
    found = rows(of_nodes.union(of_overrides.select("level", "operation", "most")))
    lines = sorted((Level(row["level"]), row["operation"], row["most"]) for row in found)
    made = [line for line in lines if line[1]]
    return Shape(
        {level: tuple(operation for each, operation, _ in made if each is level) for level in COMBINED},
        all(most == 1 for level, _, most in made if level is Level.FUNCTION),
        frozenset(level for level, operation, _ in lines if not operation),
    )


#: Stands in the statements for the length of the day: that of today is another one every second.
_ANY_LENGTH_S = 987_654_321


@lru_cache(maxsize=32)
def _steps(rules: Rules, shape: Shape, dialect: str, with_hours: bool) -> tuple[Step, ...]:
    inputs = named_inputs(rules)
    tables = [*_timelines(inputs, shape), *_figures(inputs), *(_hours(inputs) if with_hours else ())]
    return tuple(Step(made.name, made.schema, _sql(made, dialect)) for made in tables)


def _sql(made: Made, dialect: str) -> str:
    columns = {column: made.expression[column].cast(kind) for column, kind in made.schema.items()}
    return str(ibis.to_sql(made.expression.select(**columns), dialect=dialect, pretty=False))


def _timelines(inputs: Inputs, shape: Shape) -> Iterator[Made]:
    yield from _of_level(inputs, Level.METRIC, metric_timelines(inputs), shape)
    for level in COMBINED:
        below, used = _kept(Level(level - 1).label, TIMELINE), shape.used[level]
        for operation in used:
            inputs.operations.table_of(operation)  # says so where there is none, however many children there are
        # A tree without any node has no operation either.
        is_as_below = (level is Level.FUNCTION and shape.has_plain_functions) or not used
        made = plan.to_parents(below, inputs.nodes) if is_as_below else plan.level_timelines(inputs, level, below, used)
        yield from _of_level(inputs, level, made, shape)


def _of_level(inputs: Inputs, level: Level, made: Table, shape: Shape) -> Iterator[Made]:
    if level not in shape.overridden:
        yield Made(level.label, TIMELINE, made)
        return
    before = f"{level.label}_before"
    yield Made(before, TIMELINE, made)
    yield Made(level.label, TIMELINE, plan.overridden(inputs, level, _kept(before, TIMELINE)))


def _figures(inputs: Inputs) -> Iterator[Made]:
    lower = [plan.figures(_kept(level.label, TIMELINE), inputs.operations) for level in WITH_TIMELINES[:-1]]
    yield Made("lower_figures", _DAY | _MEASURED, _union(lower))
    yield from _upper(inputs, plan.figures(_kept("site", TIMELINE), inputs.operations), "figures", _DAY)


def _hours(inputs: Inputs) -> Iterator[Made]:
    cut = {level: plan.hours(_kept(level.label, TIMELINE)) for level in COMBINED}
    of_sites = plan.figures(cut.pop(Level.SITE), inputs.operations, "hour")
    lower = [plan.figures(each, inputs.operations, "hour") for each in cut.values()]
    yield Made("lower_hours", _HOUR | _MEASURED, _union(lower))
    yield from _upper(inputs, of_sites, "hours", _HOUR)


def _upper(inputs: Inputs, of_sites: Table, what: str, keys: dict[str, str]) -> Iterator[Made]:
    """Sites, whose seconds are weighed, and the sums of them: regions and the federation."""
    schema, more = keys | _MEASURED | _WEIGHED, [name for name in keys if name != "node"]
    sites, regions = _kept(f"site_{what}", schema), _kept(f"region_{what}", schema)
    yield Made(f"site_{what}", schema, plan.weighed(of_sites, inputs.weights))
    yield Made(f"region_{what}", schema, plan.sums(sites, inputs.nodes, *more))
    yield Made(f"upper_{what}", schema, _union([sites, regions, plan.sums(regions, inputs.nodes, *more)]))


def _kept(name: str, schema: dict[str, str]) -> Table:
    return ibis.table(schema, name=name)


def _union(tables: list[Table]) -> Table:
    columns = tables[0].columns
    return reduce(lambda left, right: left.union(right), [table.select(*columns) for table in tables])
