"""The figures of sites, regions and the federation by day, kept in this process once they were read from the lake.

A year has 365 files, each with thousands of rows of tests and services: opening them takes a page longer than anything
else that it does. Files of the lake never change, and a day that is computed again is another file. For queries.py.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from gridkeeper.lake.store import Lake, LakeFile
from gridkeeper.lake.tables import LakeTable

#: Levels whose rows are kept.
LEVELS = frozenset({"site", "region", "federation"})
#: Of all that is kept: a year of 500 sites takes 25 MB for each report.
_MOST_BYTES = 160 * 1024 * 1024


class KeptSums:
    """The rows of LEVELS by file, the longest unused dropped first. Several threads may ask at once."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, pa.Table] = OrderedDict()
        self._bytes = 0

    def table(self, lake: Lake, described: LakeTable, files: Sequence[LakeFile]) -> pa.Table:
        """The rows of these files, at least one, with the columns of the lake's table."""
        return pa.concat_tables([self._of_file(lake, described, file) for file in files])

    def _of_file(self, lake: Lake, described: LakeTable, file: LakeFile) -> pa.Table:
        with self._lock:
            known = self._rows.get(file.uri)
            if known is not None:
                self._rows.move_to_end(file.uri)
                return known
        # Two threads may read the same file: that costs less than one that waits for the other's year.
        read = _read(lake, described, file)
        with self._lock:
            if file.uri not in self._rows:
                self._rows[file.uri] = read
                self._bytes += read.nbytes
            while self._bytes > self._most_bytes and len(self._rows) > 1:
                self._bytes -= self._rows.popitem(last=False)[1].nbytes
        return read


def _read(lake: Lake, described: LakeTable, file: LakeFile) -> pa.Table:
    import pyarrow.compute as pc

    found = lake.read(described.name, [file], pc.field("level").isin(list(LEVELS)))
    day: date | None = file.day
    dated = found.append_column("date", pa.repeat(pa.scalar(day, pa.date32()), found.num_rows))
    # The words repeat; a chunk may have a dictionary of its own.
    columns = [
        column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column
        for column in (dated[name] for name in described.schema.names)
    ]
    return pa.table(dict(zip(described.schema.names, columns, strict=True)))
