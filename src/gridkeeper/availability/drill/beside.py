"""Trees put beside each other under numbers of their own, so that one run of the plan judges them all. Pure."""

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

#: The columns of the plan's inputs that hold numbers of nodes; those of series are called `series`.
_NODES = ("node", "parent")


class Beside:
    """Collects the inputs of several trees (relations by name, as `relations.tree_rows` makes them, and `runs`)."""

    def __init__(self) -> None:
        self._parts: dict[str, list[pa.Table]] = defaultdict(list)
        self._nodes = 0
        self._series = 0

    def add(self, relations: Mapping[str, pa.Table], nodes: int) -> int:
        """Adds a tree of so many nodes; returns what its numbers are raised by."""
        first = self._nodes
        named = [table.column("series") for table in relations.values() if "series" in table.column_names]
        known = pc.unique(pa.chunked_array([chunk for column in named for chunk in column.chunks], pa.int64()))
        for name, table in relations.items():
            self._parts[name].append(self._raised(table, known))
        self._nodes += nodes
        self._series += len(known)
        return first

    def _raised(self, table: pa.Table, known: pa.Array) -> pa.Table:
        for place, name in enumerate(table.column_names):
            if name in _NODES:
                column = pc.add(table.column(name), pa.scalar(self._nodes, pa.int64()))
            elif name == "series":
                numbers = pc.index_in(table.column(name), known).cast(pa.int64())
                column = pc.add(numbers, pa.scalar(self._series, pa.int64()))
            else:
                continue
            table = table.set_column(place, pa.field(name, pa.int64()), column)
        return table

    def tables(self) -> dict[str, pa.Table]:
        """The relations of all trees."""
        return {name: pa.concat_tables(parts) for name, parts in self._parts.items()}
