"""Writing Parquet files into a table's folder, durable before they are committed. Used by `lake.store` alone."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from gridkeeper.lake.tables import LakeTable

#: Small enough that a look-up of one series in a sorted day decodes little, large enough to compress well.
ROW_GROUP_ROWS = 131_072
#: Level 1 costs a third of level 3's time and under 5 % more bytes on results.
_OPEN_DAY_LEVEL, _CLOSED_DAY_LEVEL = 1, 6


def is_local(uri: str) -> bool:
    return "://" not in uri


def filesystem(uri: str, storage_options: dict[str, str]) -> fs.FileSystem:
    """The table's folder as a pyarrow file system, local or whatever object store delta-rs reaches."""
    if is_local(uri):
        return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())
    return fs.PyFileSystem(DeltaStorageHandler(uri, storage_options))


def open_day_options() -> dict[str, Any]:
    """Writer options for rows in order of arrival: quick."""
    return {"compression": "zstd", "compression_level": _OPEN_DAY_LEVEL}


def closed_day_options(table: LakeTable) -> dict[str, Any]:
    """Writer options for rows sorted by the table's key: small."""
    return {
        "compression": "zstd",
        "compression_level": _CLOSED_DAY_LEVEL,
        "use_dictionary": list(table.dictionaries),
        "column_encoding": dict(table.encodings),
        "data_page_version": "2.0",
        "write_statistics": True,
    }


def file_name(table: LakeTable, partition: str, prefix: str) -> str:
    """A path below the table's folder that no other file has; `form_of` reads its form."""
    folder = f"{table.partition_by}={partition}/" if table.partition_by else ""
    form = f".{table.form}" if table.form else ""
    return f"{folder}{prefix}-{uuid4().hex}{form}.parquet"


def form_of(path: str) -> int:
    """The form of the table (`LakeTable.form`) that a file was written in; the first for names that are not ours.

    >>> [form_of(name) for name in ("date=2026-03-01/part-0a.2.parquet", "part-0a1b.parquet", "p-c000.snappy.parquet")]
    [2, 0, 0]
    """
    form = path.rpartition("/")[2].removesuffix(".parquet").partition(".")[2]
    return int(form) if form.isdecimal() else 0


def write_file(
    target: fs.FileSystem, path: str, schema: pa.Schema, batches: Iterable[pa.Table], options: dict[str, Any]
) -> tuple[int, int]:
    """Writes one file and returns its rows and bytes. What comes with dictionaries is written by them."""
    rows = 0
    target.create_dir(path.rpartition("/")[0] or ".", recursive=True)
    first, rest = _first_of(batches, schema)
    encoded = with_dictionaries(schema, _encoded(first))
    # Readers are to see text, however it was written.
    options = options | {"store_schema": encoded == schema}
    with target.open_output_stream(path) as sink:
        with pq.ParquetWriter(sink, encoded, **options) as writer:
            for batch in chain([first], rest):
                writer.write_table(batch.select(encoded.names).cast(encoded), row_group_size=ROW_GROUP_ROWS)
                rows += batch.num_rows
        size = sink.tell() if not sink.closed else None
    return rows, size if size is not None else target.get_file_info(path).size


def with_dictionaries(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """The schema with these columns of text encoded by dictionaries."""
    return pa.schema(
        [field.with_type(pa.dictionary(pa.int32(), field.type)) if field.name in names else field for field in schema]
    )


def _encoded(batch: pa.Table) -> set[str]:
    return {field.name for field in batch.schema if pa.types.is_dictionary(field.type)}


def _first_of(batches: Iterable[pa.Table], schema: pa.Schema) -> tuple[pa.Table, Iterator[pa.Table]]:
    rest = iter(batches)
    return next(rest, schema.empty_table()), rest


def make_durable(paths: Iterable[Path]) -> None:
    """Forces files and the folders that name them to the disk.

    Object stores are durable when they answer; a local file is only after fsync, and neither pyarrow nor delta-rs
    calls it. Without it a power cut after the inbox was emptied could lose what the lake seemed to hold.
    """
    files = list(paths)
    for path in [*files, *sorted({path.parent for path in files}), *sorted({path.parent.parent for path in files})]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(target: fs.FileSystem, paths: Iterable[str]) -> None:
    """Removes files that no commit refers to; one that is gone already is as good."""
    for path in paths:
        with suppress(FileNotFoundError):
            target.delete_file(path)
