"""The lake's questions on Spark: the same Ibis expressions, on a cluster or in a local session.

Used by `lake.scan.computing` where `GRIDKEEPER_ENGINE` names a Spark, by tests and by benchmarks. PySpark is the extra
`gridkeeper[spark]`; it needs Java 17. One session per process, one connection (names of its own) per question.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

_HINT = "install gridkeeper[spark] and Java 17, or leave GRIDKEEPER_ENGINE at duckdb"
#: On top of what `spark-defaults.conf` says (SPARK_CONF_DIR). Times are UTC; Arrow moves rows between us and the JVM.
_OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Spark 4.0 cannot make a checkpoint of what it infers from generated rows ("key not found: hour#99").
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
#: Of a local session: one small machine, so that shuffles have as many parts as there are cores.
_LOCAL_OPTIONS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    "spark.driver.memory": "2g",
}


class SparkError(Exception):
    """Spark cannot be used; the message says what to install or to write."""


class Spark:
    """Spark's words, on connections of `connect`."""

    dialect = "pyspark"

    def give(self, con: Any, name: str, data: pa.Table) -> None:
        con.own_session.createDataFrame(data).createOrReplaceTempView(name)

    def read(self, con: Any, name: str, files: Sequence[str], schema: pa.Schema, partition_by: str) -> None:
        reader = con.own_session.read.schema(_columns(schema))
        if partition_by in schema.names:
            # The partition stands in the folder's name, below the table's own folder.
            reader = reader.option("basePath", str(PurePosixPath(_reachable(files[0])).parent.parent))
        reader.parquet(*map(_reachable, files)).createOrReplaceTempView(name)

    def look(self, con: Any, name: str, sql: str) -> None:
        con.own_session.sql(sql).createOrReplaceTempView(name)

    def keep(self, con: Any, name: str, sql: str) -> None:
        # A checkpoint, not a cache: Spark writes the whole history of a cached answer into every plan that is built on
        # it, and each level of the tree builds on the one below.
        con.own_session.sql(sql).localCheckpoint(eager=True).createOrReplaceTempView(name)

    def microseconds(self, column: str) -> str:
        return f"unix_micros({column})"

    def instant(self, moment: datetime) -> str:
        return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"

    def whole_division(self, dividend: str, divisor: int) -> str:
        return f"({dividend}) DIV {divisor}"


ENGINE = Spark()


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """A connection to the Spark at `spark://host:7077` or `local[2]`; its names end with it.

    Raises SparkError where PySpark or Java is missing, or nobody answers there.
    """
    con = _backend()()
    con.do_connect(_session(address).newSession())
    yield con


@lru_cache(maxsize=1)
def _session(address: str) -> Any:
    """The session of this process. Starting one takes seconds; Spark allows no second one beside it."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkError(f"GRIDKEEPER_ENGINE={address} needs PySpark: {_HINT}") from error
    builder = SparkSession.builder.master(address).appName("gridkeeper")
    for name, value in (_OPTIONS | (_LOCAL_OPTIONS if address.startswith("local") else {})).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise SparkError(f"GRIDKEEPER_ENGINE={address}: Spark does not start: {error}; {_HINT}") from error
    session.sparkContext.setLogLevel("ERROR")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    return session


def stop() -> None:
    """Ends the session of this process, and its Java with it."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
    _session.cache_clear()


@lru_cache(maxsize=1)
def _backend() -> Any:
    """Ibis' backend, whose answers come by Arrow: its own way leads through pandas, and warns there."""
    import ibis

    ibis.load_backend("pyspark")  # registers its options, which its SQL is written by
    from ibis.backends.pyspark import Backend

    class ArrowBackend(Backend):  # type: ignore[misc]
        """An Ibis connection with a session of its own."""

        def do_connect(self, session: Any) -> None:
            self.own_session = session
            super().do_connect(session)

        def to_pyarrow(self, expr: Any, /, **_: Any) -> Any:
            table = expr.as_table()
            answer = self.own_session.sql(self.compile(table)).toArrow()
            return expr.__pyarrow_result__(answer.cast(table.schema().to_pyarrow()))

    return ArrowBackend


def _columns(schema: pa.Schema) -> Any:
    """The columns as Spark writes them."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=False)


def _reachable(file: str) -> str:
    """Spark's name of the file: Hadoop calls object stores s3a, and takes a bare path for one of its own."""
    if file.startswith("s3://"):
        return "s3a://" + file.removeprefix("s3://")
    return file if "://" in file else f"file://{file}"
