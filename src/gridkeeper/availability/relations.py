"""The plan's inputs given to a session: the tree, what is expected, downtimes, and the runs of two days.

The session is `lake.scan.connect()`'s: DuckDB on this machine. A Spark session will be given the same names.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from gridkeeper.availability.plan import SCHEMAS, Table
from gridkeeper.availability.tree import Tree
from gridkeeper.core.windows import DAY, Window

EXPECTED_SCHEMA = ibis.schema(SCHEMAS["expected"]).to_pyarrow()
NODE_SCHEMA = ibis.schema(SCHEMAS["nodes"]).to_pyarrow()
DOWNTIME_SCHEMA = ibis.schema(SCHEMAS["downtimes"]).to_pyarrow()


def provide(con: Any, tree: Tree, runs: Table, day: date) -> None:
    """Gives the session what the plan of that day needs; `runs` are those of the day and of the day before."""
    provide_runs(con, runs, day)
    for name, rows in tree_rows(tree).items():
        con.con.register(name, rows)


def provide_runs(con: Any, runs: Table, day: date) -> None:
    """The runs with whole seconds of the day; what began before the day before is left out.

    The seconds are taken in DuckDB's own words, because the difference of two times that Ibis writes costs it as much
    as the scan; Spark's word is unix_micros. A view, not a table: most runs are read once, by an aggregation.
    """
    midnight = Window.of_day(day).start
    before = int((midnight - DAY).timestamp()) * 1_000_000
    con.con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW runs AS
        SELECT series, CAST(status AS INTEGER) AS status, start, seq,
            (epoch_us(start) - {before}) // 1000000 - 86400 AS start_s,
            (epoch_us(last_at) - {before}) // 1000000 - 86400 AS last_s
        FROM ({con.compile(runs)})
        WHERE start >= TIMESTAMPTZ '{midnight - DAY}' AND start < TIMESTAMPTZ '{midnight + DAY}'
        """  # noqa: S608
    )


def tree_rows(tree: Tree) -> dict[str, pa.Table]:
    """The tree as Arrow tables by the names of the plan's inputs."""
    numbers = tree.numbers
    nodes = [(number, numbers[path.parent] if path.parent else None) for path, number in numbers.items()]
    expected = [(numbers[line.path], *line[1:]) for line in tree.expected]
    return {
        "nodes": _arrow(nodes, NODE_SCHEMA),
        "expected": _arrow(expected, EXPECTED_SCHEMA),
        "downtimes": _arrow(tree.excused(), DOWNTIME_SCHEMA),
    }


def _arrow(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
