"""The plan's inputs given to a session: the tree, what is expected, downtimes, and the runs of two days.

The session is a connection of `lake.scan`: to DuckDB on this machine, or to Spark; both are given the same names.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridkeeper.availability.levels import COMBINED
from gridkeeper.availability.plan import MOST_PARTS
from gridkeeper.availability.plan_inputs import SCHEMAS, Table
from gridkeeper.availability.tree import Tree
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.engines import engine_of

#: The relations that say what the tree is, as Arrow knows their columns.
TREE_SCHEMAS = {
    name: ibis.schema(SCHEMAS[name]).to_pyarrow()
    for name in ("nodes", "expected", "made_by", "downtimes", "overrides", "weights")
}


def provide(con: Any, tree: Tree, runs: Table, day: date) -> None:
    """Gives the session what the plan of that day needs; `runs` are those of the day and of the day before."""
    provide_runs(con, runs, day)
    for name, rows in tree_rows(tree).items():
        engine_of(con).give(con, name, rows)


def provide_runs(con: Any, runs: Table, day: date) -> None:
    """The runs with whole seconds of the day; what began before the day before is left out.

    The seconds are taken in the engine's own words, because the difference of two times that Ibis writes costs DuckDB
    as much as the scan. A view, not a table: most runs are read once, by an aggregation.
    """
    engine = engine_of(con)
    midnight = Window.of_day(day).start
    before = int((midnight - DAY).timestamp()) * 1_000_000

    def second(column: str) -> str:
        return engine.whole_division(f"{engine.microseconds(column)} - {before}", 1_000_000) + " - 86400"

    engine.look(
        con,
        "runs",
        f"""
        SELECT series, CAST(status AS INTEGER) AS status, start, seq,
            {second("start")} AS start_s, {second("last_at")} AS last_s
        FROM ({con.compile(runs)}) AS given
        WHERE start >= {engine.instant(midnight - DAY)} AND start < {engine.instant(midnight + DAY)}
        """,  # noqa: S608
    )


def tree_rows(tree: Tree) -> dict[str, pa.Table]:
    """The tree as Arrow tables by the names of the plan's inputs. Metrics that came in blocks need no paths for it."""
    # What is not in the tree has nothing that could be overridden.
    numbers = tree.numbers if tree.overrides else tree.named()
    overrides = [
        (numbers[path], path.level, position, *rest)
        for position, (path, *rest) in enumerate(tree.overrides)
        if path in numbers
    ]
    weights = [(numbers[path], weight) for path, weight in tree.weights.items() if path in numbers]
    lasting: dict[str, pa.Table] = tree.made.get("relations") or tree.made.setdefault("relations", _lasting_rows(tree))
    return lasting | {
        "downtimes": _arrow(tree.excused(), TREE_SCHEMAS["downtimes"]),
        "overrides": _arrow(overrides, TREE_SCHEMAS["overrides"]),
        "weights": _arrow(weights, TREE_SCHEMAS["weights"]),
    }


def _lasting_rows(tree: Tree) -> dict[str, pa.Table]:
    """What is the same on every day of which the same is expected."""
    of_blocks = tree.metrics_of_blocks()
    links, schema = _arrow(tree.links, TREE_SCHEMAS["nodes"]), TREE_SCHEMAS["nodes"]
    nodes = pa.concat_tables([links, pa.table(list(of_blocks), schema=schema)])
    made_by = _arrow(_made_by(tree, nodes.column("parent")), TREE_SCHEMAS["made_by"])
    return {"nodes": nodes, "expected": _expected(tree, of_blocks[0]), "made_by": made_by}


def _expected(tree: Tree, nodes: NDArray[np.int64]) -> pa.Table:
    """nodes: of the metrics that came in blocks"""
    schema = TREE_SCHEMAS["expected"]
    lines = _arrow([(tree.named()[line.path], *line[1:]) for line in tree.lines], schema)
    if not tree.blocks:
        return lines
    sets = [each.block.metrics for each in tree.blocks]
    columns = [nodes, np.concatenate([each.block.series for each in tree.blocks])]
    columns += [np.concatenate([getattr(each, name) for each in sets]) for name in schema.names[2:]]
    return pa.concat_tables([lines, pa.table(columns, schema=schema)])


def _made_by(tree: Tree, parents: pa.ChunkedArray) -> list[tuple[int, int, str, int]]:
    known = parents.drop_null().to_numpy()
    children = np.bincount(known, minlength=tree.size).tolist()
    # Metrics are made of nothing; they are most of the nodes.
    combined = [(path, number, path.level) for path, number in tree.named().items() if not path.metric]
    made_by: list[tuple[int, int, str, int]] = [
        (number, level, tree.operation(path), children[number]) for path, number, level in combined if level in COMBINED
    ]
    most = max((line[3] for line in made_by), default=0)
    if most > MOST_PARTS:
        raise ValueError(f"a node of the tree has {most} parts; a judgement counts at most {MOST_PARTS}")
    return made_by


def _arrow(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
