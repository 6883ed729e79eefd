"""The plan's inputs as relations of a session, and rows kept between its steps.

The session is `lake.scan.connect()`'s: DuckDB on this machine. A Spark session will stand behind the same functions.
"""

from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any

import ibis
import pyarrow as pa

from gridkeeper.availability.plan import Inputs, Table
from gridkeeper.availability.tree import Tree
from gridkeeper.lake.scan import arrow_table, bind

NODE_SCHEMA = pa.schema(
    [
        ("node", pa.int64()),
        ("parent", pa.int64()),
        ("level", pa.int8()),
        *[(word, pa.string()) for word in ("report", "region", "site", "service_type", "hostname", "metric")],
    ]
)
EXPECTED_SCHEMA = pa.schema(
    [
        ("node", pa.int64()),
        ("series", pa.int64()),
        ("validity_s", pa.int64()),
        ("from_s", pa.int64()),
        ("until_s", pa.int64()),
        ("is_new", pa.bool_()),
    ]
)
DOWNTIME_SCHEMA = pa.schema([("node", pa.int64()), ("start_s", pa.int64()), ("end_s", pa.int64())])
_names = count(1)


def inputs_of(con: Any, tree: Tree, runs: Table, *, day: date, length_s: int) -> Inputs:
    """The plan's inputs from a tree and the runs of the day and the day before."""
    expected = [(tree.numbers[line.path], *line[1:]) for line in tree.expected]
    return Inputs(
        day=day,
        length_s=length_s,
        runs=runs,
        expected=arrow_table(con, _arrow(expected, EXPECTED_SCHEMA)),
        nodes=arrow_table(con, node_rows(tree)),
        downtimes=arrow_table(con, _arrow(tree.excused(), DOWNTIME_SCHEMA)),
    )


def node_rows(tree: Tree) -> pa.Table:
    """Every node with its number, its parent's, its level and where it stands."""
    numbers = tree.numbers
    rows = [
        (number, numbers[path.parent] if path.parent else None, path.level.value, *path)
        for path, number in numbers.items()
    ]
    return _arrow(rows, NODE_SCHEMA)


def keep(con: Any, expression: Table) -> Table:
    """The rows of an expression, computed once, for the steps that build on them.

    In our own words because the statements of ibis 12's `cache` come out wrong with sqlglot 30.
    """
    name = f"kept_{next(_names)}"
    con.con.execute(f"CREATE TEMP TABLE {name} AS {ibis.to_sql(expression, dialect='duckdb')}")
    return bind(con, name, expression.schema().to_pyarrow())


def _arrow(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
