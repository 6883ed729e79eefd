"""Rows that name nodes of a tree become rows of the lake's tables, which say where they stand."""

from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from gridkeeper.availability import tables
from gridkeeper.availability.judge import Judgement
from gridkeeper.availability.levels import MEASURES, Level
from gridkeeper.availability.plan_inputs import Table
from gridkeeper.availability.topology import Names
from gridkeeper.availability.tree import Path, Tree
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table


def words(names: Names, path: Path) -> dict[str, str]:
    """What tables.PLACE asks of a path. What has no name is called by its key."""
    region, site = path.region, path.site
    named = {
        "level": path.level.label,
        "region_name": names.regions.get(region, region),
        "site_name": names.sites.get(site, site),
    }
    return {name: named[name] if name in named else getattr(path, name) for name in tables.PLACE}


class Placed:
    """The places of one tree, given to one session."""

    def __init__(self, con: Any, tree: Tree, names: Names, day: date) -> None:
        columns: dict[str, list[Any]] = {name: [] for name in ("node", *tables.PLACE)}
        for path, node in tree.numbers.items():
            columns["node"].append(node)
            for name, value in words(names, path).items():
                columns[name].append(value)
        types = [("node", pa.int64()), *[(name, pa.string()) for name in tables.PLACE]]
        self._places = arrow_table(con, pa.table(columns, schema=pa.schema(types)))
        self._day = day

    def rows(self, judgement: Judgement) -> dict[str, pa.Table]:
        """What the lake keeps of a judgement, by the names of its tables."""
        return {
            tables.DAY_TABLE.name: self.figures(judgement.figures, tables.DAY_TABLE.schema),
            tables.HOUR_TABLE.name: self.figures(judgement.hours, tables.HOUR_TABLE.schema),
            tables.TIMELINE_TABLE.name: self.timelines(judgement),
        }

    def figures(self, figures: Table | None, schema: pa.Schema) -> pa.Table:
        assert figures is not None
        rows = figures.mutate(**{name: figures[name].cast("int64") for name in MEASURES})
        return self._place(rows, schema)

    def timelines(self, judgement: Judgement) -> pa.Table:
        levels = [periods for level, periods in judgement.timelines.items() if level is not Level.METRIC]
        periods = levels[0].union(*levels[1:])
        midnight_s = int(Window.of_day(self._day).start.timestamp())
        moments = {name: (periods[f"{name}_s"] + midnight_s) * 1_000_000 for name in ("start", "end")}
        words = [(periods.status == code, state) for state, code in judgement.operations.codes.items()]
        return self._place(periods.mutate(**moments, state=ibis.cases(*words)), tables.TIMELINE_TABLE.schema)

    def _place(self, rows: Table, schema: pa.Schema) -> pa.Table:
        placed = rows.join(self._places, "node").drop("node").to_pyarrow()
        dated = placed.append_column("date", pa.repeat(pa.scalar(self._day, pa.date32()), placed.num_rows))
        return dated.select(schema.names).cast(schema)
