"""One day judged: the plan run level by level, and its figures. Used by compute.py, pages, tests and benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from gridkeeper.availability import plan
from gridkeeper.availability.plan import OPERATIONS, Inputs, Level, Table
from gridkeeper.availability.relations import keep


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the plan says of a day.

    timelines: by level, metric to site: node, status, start_s, end_s
    figures: node and plan.MEASURES, of every node of every level
    hours: the same for every hour of nodes from services up, with `hour`; None where they were not asked for
    """

    timelines: Mapping[Level, Table]
    figures: Table
    hours: Table | None


def judge(con: Any, inputs: Inputs, *, with_hours: bool = True) -> Judgement:
    """Runs the plan. Each level is kept, so that the level above and the figures do not compute it again."""
    timelines = {Level.METRIC: keep(con, plan.metric_timelines(inputs))}
    for level in (Level.SERVICE, Level.FLAVOUR, Level.SITE):
        timelines[level] = keep(con, plan.level_timelines(inputs, level, timelines[Level(level - 1)]))
    sites = keep(con, plan.figures(timelines[Level.SITE]))
    figures = [plan.figures(timelines[level]) for level in OPERATIONS if level is not Level.SITE]
    return Judgement(
        timelines=timelines,
        figures=keep(con, _union([*figures, sites, *_sums(con, inputs, sites)])),
        hours=_hours(con, inputs, timelines) if with_hours else None,
    )


def _hours(con: Any, inputs: Inputs, timelines: Mapping[Level, Table]) -> Table:
    cut = {level: plan.hours(timelines[level]) for level in (Level.SERVICE, Level.FLAVOUR, Level.SITE)}
    sites = keep(con, plan.figures(cut[Level.SITE], "hour"))
    lower = [plan.figures(cut[level], "hour") for level in (Level.SERVICE, Level.FLAVOUR)]
    return keep(con, _union([*lower, sites, *_sums(con, inputs, sites, "hour")]))


def _sums(con: Any, inputs: Inputs, sites: Table, *keys: str) -> list[Table]:
    regions = keep(con, plan.sums(sites, inputs.nodes, *keys))
    return [regions, plan.sums(regions, inputs.nodes, *keys)]


def _union(tables: list[Table]) -> Table:
    columns = tables[0].columns
    return reduce(lambda left, right: left.union(right), [table.select(*columns) for table in tables])
