"""Reading the lake with DuckDB through Ibis: one bounded engine per process, one connection per question.

Ibis 12 calls names that DuckDB 2.0 dropped where it asks a database for a table's columns; the tables here are bound
with the columns that we know already, which needs no such question. Take results with `.to_pyarrow()` or
`rows()`; `.execute()` goes through pandas and warns there.

DuckDB and Ibis take over a second to import: the first question of a process does it, or `preload`.
"""

import atexit
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from django.conf import settings

from gridkeeper.core.windows import Window
from gridkeeper.lake.engines import engine_of
from gridkeeper.lake.parquet import form_of
from gridkeeper.lake.store import Lake
from gridkeeper.lake.tables import LakeTable, lake_table

if TYPE_CHECKING:
    import duckdb

#: Of one process. The rest of a large sort or join goes to the temporary folder.
MEMORY_LIMIT = "1GB"
_names = count(1)
_HEAVY = ("pyarrow.dataset", "duckdb", "ibis", "ibis.backends.duckdb")


def preload() -> None:
    """Imports now what answers questions, for a process that will be asked: so that none of them waits for it."""
    for name in _HEAVY:
        import_module(name)


class _Engine:
    """The in-memory DuckDB of this process. Opening one costs 20 ms, a connection to it 0.2 ms.

    What a connection makes is temporary, hence its own. A forked child opens an engine of its own: threads and locks
    of its parent's are not in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0

    def connection(self) -> "duckdb.DuckDBPyConnection":
        with self._lock:
            if self._pid != os.getpid():
                self._open()
            return self._database.cursor()

    def _open(self) -> None:
        import duckdb

        # kept as long as the process: its end removes the folder
        self._folder = tempfile.TemporaryDirectory(
            prefix="duckdb-", dir=_temporary_folder(), ignore_cleanup_errors=True
        )
        self._database = duckdb.connect(
            config={
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": self._folder.name,
                "threads": os.cpu_count() or 1,
                "preserve_insertion_order": False,
            }
        )
        self._pid = os.getpid()
        atexit.register(self.close)

    def close(self) -> None:
        """At the end of the process; what is not closed by then DuckDB reports as leaks on standard error."""
        if self._pid == os.getpid():
            self._database.close()
            del self._database
            self._pid = 0


_engine = _Engine()


@contextmanager
def connect() -> Iterator[Any]:
    """An Ibis backend on a connection of its own; closed at the end with all that was made on it."""
    import ibis

    con = ibis.duckdb.from_connection(_engine.connection())
    try:
        yield con
    finally:
        con.disconnect()


@contextmanager
def computing() -> Iterator[Any]:
    """The same on the engine of the settings (`GRIDKEEPER_ENGINE`): for what may be worth a cluster's time."""
    address = settings.GRIDKEEPER.engine
    if address == "duckdb":
        with connect() as con:
            yield con
        return
    from gridkeeper.lake import spark

    with spark.connect(address) as con:
        yield con


def _temporary_folder() -> Path:
    """Below the data folder, whose disk was chosen for data; `/tmp` may be a small memory disk."""
    folder: Path = settings.GRIDKEEPER.data_dir.absolute() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bind(con: Any, name: str, schema: pa.Schema) -> Any:
    """The Ibis table of a view or table that exists on the connection under that name."""
    import ibis
    import ibis.expr.operations as ops

    namespace = ops.Namespace(catalog=None, database=None)
    return ops.DatabaseTable(name, ibis.Schema.from_pyarrow(schema), con, namespace).to_expr()


def arrow_table(con: Any, data: pa.Table) -> Any:
    """An Arrow table as an Ibis table of that connection; DuckDB does not copy it."""
    name = f"arrow_{next(_names)}"
    engine_of(con).give(con, name, data)
    return bind(con, name, data.schema)


def parquet_table(con: Any, files: Sequence[str], schema: pa.Schema, *, partition_by: str = "date") -> Any:
    """Parquet files of one table as an Ibis table; the partition's column is read from their paths."""
    if not files:
        return arrow_table(con, schema.empty_table())
    name = f"parquet_{next(_names)}"
    engine_of(con).read(con, name, files, schema, partition_by)
    return bind(con, name, schema)


def lake_table_of(con: Any, lake: Lake, table: str, days: Window | None = None) -> Any:
    """A table of the lake's newest version as an Ibis table, only the files of the window's days where one is given."""
    described = lake_table(table)
    by_form: dict[int, list[str]] = {described.form: []}
    for file in lake.files(table, days):
        by_form.setdefault(form_of(file), []).append(file)
    newest, *older = (_of_form(con, files, described, form) for form, files in by_form.items())
    return newest.union(*older) if older else newest


def _of_form(con: Any, files: Sequence[str], table: LakeTable, form: int) -> Any:
    """Files of one form of a table, with its newest columns."""
    lacking = table.lacking(form)
    schema = pa.schema([column for column in table.schema if column.name not in lacking])
    found = parquet_table(con, files, schema, partition_by=table.partition_by or "date")
    if not lacking:
        return found
    import ibis

    types = ibis.Schema.from_pyarrow(table.schema)
    absent = {name: ibis.literal("" if types[name].is_string() else None, types[name]) for name in lacking}
    return found.mutate(**absent).select(*table.schema.names)


def of_series(con: Any, table: Any, series: Iterable[int] | None) -> Any:
    """The rows of some series, or all for None. A join: thousands of them in an IN list cost Ibis a second."""
    if series is None:
        return table
    wanted = arrow_table(con, pa.table({"series": pa.array(list(series), pa.int64())}))
    return table.semi_join(wanted, "series")


def rows(expression: Any) -> list[dict[str, Any]]:
    """The answer of an Ibis expression as dictionaries; for answers of at most some thousand rows."""
    found: list[dict[str, Any]] = expression.to_pyarrow().to_pylist()
    return found
