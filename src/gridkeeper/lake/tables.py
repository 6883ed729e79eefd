"""The tables of the lake: their columns, their partition and how a closed day of theirs is stored.

Packages that keep facts or figures of their own call `register_table` in a module that they name to
`lake.table_modules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from gridkeeper.lake import table_modules

INSTANT = pa.timestamp("us", "UTC")


class UnknownTableError(LookupError):
    """A table that nobody registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeTable:
    """What one table of the lake looks like.

    schema: columns with their types; the partition column is one of them although its values stand in the path
    partition_by: "date" (a UTC date), or "" for a small table that is not partitioned
    sort_by: order of the rows of a closed day
    encodings: Parquet encoding of a closed day's column, where the dictionary is not best
    dictionaries: columns of a closed day that repeat their values
    added: columns that came later, those of each change together, oldest first. Files of before lack them: there text
        is read as empty and everything else as null
    """

    name: str
    schema: pa.Schema
    partition_by: str = "date"
    sort_by: tuple[str, ...] = ()
    encodings: Mapping[str, str] = field(default_factory=dict)
    dictionaries: tuple[str, ...] = ()
    added: tuple[tuple[str, ...], ...] = ()

    @property
    def form(self) -> int:
        """How often columns were added; file names say it, so that no file need be opened to know its columns."""
        return len(self.added)

    def lacking(self, form: int) -> tuple[str, ...]:
        """The columns that files of that form do not have."""
        return tuple(name for names in self.added[form:] for name in names)

    @property
    def stored_schema(self) -> pa.Schema:
        """The columns inside the files: all but the partition's."""
        return pa.schema([column for column in self.schema if column.name != self.partition_by])


_tables: dict[str, LakeTable] = {}


def register_table(
    name: str,
    schema: pa.Schema,
    partition_by: str = "date",
    *,
    sort_by: tuple[str, ...] = (),
    encodings: Mapping[str, str] | None = None,
    dictionaries: tuple[str, ...] = (),
    added: tuple[tuple[str, ...], ...] = (),
) -> LakeTable:
    """Makes a table known to every Lake. Registering the same table again replaces its description."""
    if partition_by and partition_by not in schema.names:
        raise ValueError(f"table {name!r} is partitioned by {partition_by!r}, which is none of its columns")
    table = LakeTable(
        name=name,
        schema=schema,
        partition_by=partition_by,
        sort_by=sort_by,
        encodings=encodings or {},
        dictionaries=dictionaries,
        added=added,
    )
    _tables[name] = table
    return table


def lake_table(name: str) -> LakeTable:
    """The description of a registered table. Raises UnknownTableError."""
    table_modules.load()
    try:
        return _tables[name]
    except KeyError:
        raise UnknownTableError(f"the lake has no table {name!r}; it has {', '.join(sorted(_tables))}") from None


def table_names() -> list[str]:
    """Every registered table."""
    table_modules.load()
    return sorted(_tables)


#: Results of tests. In a compacted day `seq` is a tie rank <= 0 and `fact` its low 32 bits (docs/decisions/0005).
RESULTS = register_table(
    "results",
    pa.schema(
        [
            ("date", pa.date32()),
            ("series", pa.int64()),
            ("executed_at", INSTANT),
            ("seq", pa.int64()),
            ("status", pa.int8()),
            ("is_hard", pa.bool_()),
            ("duration_ms", pa.int32()),
            ("fact", pa.int64()),
            ("worker", pa.string()),
        ]
    ),
    sort_by=("series", "executed_at", "seq"),
    encodings={"executed_at": "DELTA_BINARY_PACKED", "fact": "BYTE_STREAM_SPLIT"},
    dictionaries=("series", "seq", "status", "duration_ms", "worker"),
)

#: What the results said in words. Kept for a shorter time than the results.
LOGS = register_table(
    "logs",
    pa.schema(
        [
            ("date", pa.date32()),
            ("series", pa.int64()),
            ("executed_at", INSTANT),
            ("fact", pa.int64()),
            ("id", pa.string()),
            ("summary", pa.string()),
            ("output", pa.string()),
            ("perfdata", pa.string()),
            ("cause", pa.string()),
        ]
    ),
    sort_by=("series", "executed_at"),
    encodings={"executed_at": "DELTA_BINARY_PACKED", "fact": "BYTE_STREAM_SPLIT"},
    dictionaries=("series", "summary", "output", "perfdata", "cause"),
)

#: Every series that was ever seen, once or (after a crash) more often.
SERIES = register_table(
    "series",
    pa.schema(
        [
            ("series", pa.int64()),
            ("hostname", pa.string()),
            ("service_type", pa.string()),
            ("metric", pa.string()),
            ("vo", pa.string()),
        ]
    ),
    partition_by="",
)

#: Change points of compacted days: `status` held from `start`, was last confirmed at `last_at`.
RUNS = register_table(
    "runs",
    pa.schema(
        [
            ("date", pa.date32()),
            ("series", pa.int64()),
            ("status", pa.int8()),
            ("start", INSTANT),
            ("last_at", INSTANT),
            ("seq", pa.int64()),
        ]
    ),
    sort_by=("series", "start"),
    encodings={"start": "DELTA_BINARY_PACKED", "last_at": "DELTA_BINARY_PACKED"},
    dictionaries=("series", "status", "seq"),
)
