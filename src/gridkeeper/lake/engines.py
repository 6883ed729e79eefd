"""What the two engines say differently; everything else is one Ibis expression for both.

DuckDB runs in this process. Spark runs on a cluster, or here by `local[2]` for tests (docs/decisions/0020). A
connection is an Ibis backend; `engine_of` finds the words of its engine.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa


class Engine(Protocol):
    """One engine's words. `con` is a connection to it; names live as long as the connection."""

    #: What Ibis calls its SQL.
    dialect: str

    def give(self, con: Any, name: str, data: pa.Table) -> None:
        """Names an Arrow table."""

    def read(self, con: Any, name: str, files: Sequence[str], schema: pa.Schema, partition_by: str) -> None:
        """Names Parquet files of one table of the lake; the partition's column is read from their paths."""

    def look(self, con: Any, name: str, sql: str) -> None:
        """Names a question; it is asked again whenever the name is used."""

    def keep(self, con: Any, name: str, sql: str) -> None:
        """Names the answer of a question; it is asked at most once."""

    def microseconds(self, column: str) -> str:
        """SQL: a time's microseconds since 1970, a whole number."""

    def instant(self, moment: datetime) -> str:
        """SQL: that instant."""

    def whole_division(self, dividend: str, divisor: int) -> str:
        """SQL: the whole part of the quotient, rounded towards zero."""


class DuckDb:
    """The in-process engine, on connections of `lake.scan.connect`."""

    dialect = "duckdb"

    def give(self, con: Any, name: str, data: pa.Table) -> None:
        con.con.register(name, data)

    def read(self, con: Any, name: str, files: Sequence[str], schema: pa.Schema, partition_by: str) -> None:
        columns = ", ".join(f'"{column}"' for column in schema.names)
        has_partition = partition_by in schema.names
        options = (
            f"hive_partitioning = true, hive_types = {{'{partition_by}': DATE}}"
            if has_partition
            else "hive_partitioning = false"
        )
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        self.look(con, name, f"SELECT {columns} FROM read_parquet([{listed}], {options})")  # noqa: S608

    def look(self, con: Any, name: str, sql: str) -> None:
        con.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")

    def keep(self, con: Any, name: str, sql: str) -> None:
        con.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def microseconds(self, column: str) -> str:
        return f"epoch_us({column})"

    def instant(self, moment: datetime) -> str:
        return f"TIMESTAMPTZ '{moment.isoformat()}'"

    def whole_division(self, dividend: str, divisor: int) -> str:
        return f"({dividend}) // {divisor}"


_duckdb = DuckDb()


def engine_of(con: Any) -> Engine:
    """The words of the engine that the connection leads to."""
    if con.name == _duckdb.dialect:
        return _duckdb
    from gridkeeper.lake import spark

    return spark.ENGINE
