"""The dimension of the lake: what each series id stands for."""

from typing import Any

import pyarrow as pa

from gridkeeper.lake import scan
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.store import Lake
from gridkeeper.lake.tables import SERIES


def known_series(lake: Lake) -> pa.Table:
    """Every series of the lake with its words, each once: `series, hostname, service_type, metric, vo`."""
    return distinct(lake.read("series", lake.snapshot("series").files))


def distinct(series: pa.Table) -> pa.Table:
    """The same rows, each once."""
    names = SERIES.schema.names
    return series.select(names).group_by(names, use_threads=False).aggregate([])


def validity_of(con: Any, series: pa.Table, validity: Validity) -> Any:
    """What `lake.changes.status_runs` takes: seconds, or a table by series where a metric has a validity of its own."""
    exceptions = validity.exceptions
    if not exceptions:
        return validity.default_s
    seconds = [exceptions.get(metric, validity.default_s) for metric in series.column("metric").to_pylist()]
    columns = {"series": series.column("series"), "validity_s": pa.array(seconds, pa.int64())}
    return scan.arrow_table(con, pa.table(columns))
