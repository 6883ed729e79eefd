"""The lake: Delta tables of facts on a folder or an object store. Every reader and writer of facts starts here."""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from django.conf import settings

from gridkeeper.core.windows import Window
from gridkeeper.lake import parquet
from gridkeeper.lake.tables import LakeTable, lake_table

#: Old versions of the table's log are of no use to us; delta-rs removes them with its checkpoints.
_TABLE_OPTIONS = {"delta.logRetentionDuration": "interval 2 days", "delta.checkpointInterval": "50"}
#: Files of one commit that are written at once.
_WRITERS = 2


class LakeError(Exception):
    """The lake refuses or cannot be reached; the message says which table, why and what to do."""


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One Parquet file of a snapshot.

    path: below the table's folder, as the commit names it
    uri: what an engine opens
    day: its partition; None in a table that has none
    rows, size: as the commit says; size in bytes
    """

    path: str
    uri: str
    day: date | None
    rows: int
    size: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one table: files that never change and are kept for the vacuum's grace period."""

    table: str
    version: int
    files: tuple[LakeFile, ...]
    delta: Any = None

    def transaction_version(self, app_id: str) -> int | None:
        """The number of the newest commit of that application that this version holds."""
        version: int | None = self.delta.transaction_version(app_id) if self.delta is not None else None
        return version

    def of_days(self, window: Window | None) -> list[LakeFile]:
        """The files that can hold rows of the window."""
        if window is None:
            return list(self.files)
        if window.start == window.end:
            return []
        first, last = window.start.date(), (window.end - timedelta(microseconds=1)).date()
        return [file for file in self.files if file.day is None or first <= file.day <= last]


@dataclass(frozen=True, slots=True)
class Lake:
    """All tables below one root; keeps no state, so that every call sees the newest version.

    root: folder or object-store URL
    storage_options: for delta-rs, e.g. {"AWS_ENDPOINT_URL": ...}; its own environment variables work too
    """

    root: str
    storage_options: dict[str, str]

    def uri(self, table: str) -> str:
        return f"{self.root.rstrip('/')}/{table}"

    def schema(self, table: str) -> pa.Schema:
        """Columns of the table, partition included. Raises UnknownTableError."""
        return lake_table(table).schema

    def snapshot(self, table: str) -> Snapshot:
        """The newest version; version -1 and no files where nothing was written yet."""
        described = lake_table(table)
        delta = self._open(described)
        if delta is None:
            return Snapshot(table, -1, ())
        return Snapshot(table, delta.version(), tuple(self._files(described, delta)), delta)

    def files(self, table: str, days: Window | None = None) -> list[str]:
        """The Parquet files of the newest version, only those of the window's days where one is given."""
        return [file.uri for file in self.snapshot(table).of_days(days)]

    def read(self, table: str, files: Sequence[LakeFile], condition: Any = None) -> pa.Table:
        """The rows of those files (without the partition's column), by an Arrow condition where one is given."""
        described = lake_table(table)
        if not files:
            return described.stored_schema.empty_table()
        import pyarrow.dataset as ds  # imports pandas, which takes a second

        paths = [file.path for file in files]
        target = self._filesystem(described)
        found = ds.dataset(paths, described.stored_schema, format="parquet", filesystem=target).to_table(
            filter=condition
        )
        oldest = min(parquet.form_of(path) for path in paths)
        return _with_empty_text(found, described.lacking(oldest))

    def transaction_version(self, table: str, app_id: str) -> int | None:
        """The number of the newest commit of `app_id` in the table; None where there is none."""
        return self.snapshot(table).transaction_version(app_id)

    def append(self, table: str, data: pa.Table, *, txn: tuple[str, int] | None = None) -> None:
        """Adds rows in one atomic commit that is durable on return.

        `txn` is written into the commit; the caller asks `transaction_version` before it repeats an append.
        """
        described = lake_table(table)
        self._commit(described, self._write(described, _partitions(described, data)), [], txn=txn)

    def replace_days(self, table: str, days: Sequence[date], data: pa.Table) -> None:
        """Replaces all rows of those days by `data` in one atomic commit. Raises LakeError for rows of other days.

        Columns of few words may come with dictionaries.
        """
        described = lake_table(table)
        parts = _partitions(described, data)
        strangers = set(parts) - {day.isoformat() for day in days}
        if strangers:
            raise LakeError(f"table {table}: rows of {', '.join(sorted(strangers))} are not of the days to replace")
        wanted = set(days)
        old = [file for file in self.snapshot(table).files if file.day in wanted]
        self._commit(described, self._write(described, parts), old)

    def rewrite(
        self,
        table: str,
        old: Sequence[LakeFile],
        batches: Iterable[pa.Table],
        *,
        day: date | None,
        name: str,
        is_same_data: bool,
    ) -> None:
        """Replaces `old` by one file of that day, written the small way and named `name-...`, in one commit.

        is_same_data: the rows say the same as before, so that followers of the table need not read them again.
        Raises the Delta commit conflict where somebody else removed one of `old` meanwhile.
        """
        described = lake_table(table)
        partition = day.isoformat() if day else ""
        new = self._write_file(described, partition, batches, name, parquet.closed_day_options(described))
        self._commit(described, [new], old, data_change=not is_same_data)

    def drop_days(self, table: str, days: Iterable[date]) -> int:
        """Drops all rows of those days; returns how many files. Readers of older versions keep theirs a while."""
        wanted = set(days)
        old = [file for file in self.snapshot(table).files if file.day in wanted]
        if old:
            self._commit(lake_table(table), [], old)
        return len(old)

    def vacuum(self, table: str, grace: timedelta) -> int:
        """Deletes files that no version younger than `grace` refers to; returns how many."""
        delta = self._open(lake_table(table))
        if delta is None:
            return 0
        hours = max(int(grace.total_seconds() // 3600), 0)
        removed = delta.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
        return len(removed)

    def _open(self, table: LakeTable) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri(table.name), storage_options=self.storage_options or None)
        except TableNotFoundError:
            return None

    def _opened(self, table: LakeTable) -> DeltaTable:
        delta = self._open(table)
        if delta is not None:
            return self._widened(table, delta)
        partition = [table.partition_by] if table.partition_by else []
        return DeltaTable.create(
            self.uri(table.name),
            schema=table.schema,
            mode="ignore",  # two first writers: the second takes the table that the first made
            partition_by=partition,
            configuration=_TABLE_OPTIONS,
            storage_options=self.storage_options or None,
        )

    def _widened(self, table: LakeTable, delta: DeltaTable) -> DeltaTable:
        """With the columns that were added since the table was made, so that other readers of Delta see them too."""
        known = {column.name for column in delta.schema().fields}
        new = [column for column in Schema.from_arrow(table.schema).fields if column.name not in known]
        if new:
            delta.alter.add_columns(new)
        return delta

    def _files(self, table: LakeTable, delta: DeltaTable) -> Iterable[LakeFile]:
        actions = pa.table(delta.get_add_actions(flatten=True))
        names = ["path", "num_records", "size_bytes"]
        columns = [actions.column(name).to_pylist() for name in names]
        partition = f"partition.{table.partition_by}"
        days = actions.column(partition).to_pylist() if table.partition_by else [None] * actions.num_rows
        root = self.uri(table.name)
        for path, rows, size, day in zip(*columns, days, strict=True):
            yield LakeFile(path, f"{root}/{path}", day, rows or 0, size)

    def _write(self, table: LakeTable, parts: Mapping[str, pa.Table]) -> list[AddAction]:
        options = parquet.open_day_options()
        with ThreadPoolExecutor(_WRITERS) as pool:  # encoding and compressing leave the interpreter alone
            written = [
                pool.submit(self._write_file, table, partition, [part], "part", options)
                for partition, part in parts.items()
            ]
            return [each.result() for each in written]

    def _write_file(
        self, table: LakeTable, partition: str, batches: Iterable[pa.Table], prefix: str, options: dict[str, Any]
    ) -> AddAction:
        target = self._filesystem(table)
        path = parquet.file_name(table, partition, prefix)
        rows, size = parquet.write_file(target, path, table.stored_schema, batches, options)
        values = {table.partition_by: partition} if table.partition_by else {}
        stats = json.dumps({"numRecords": rows})
        return AddAction(path, size, values, int(time.time() * 1000), data_change=True, stats=stats)

    def _filesystem(self, table: LakeTable) -> Any:
        uri = self.uri(table.name)
        if parquet.is_local(uri):
            Path(uri).mkdir(parents=True, exist_ok=True)
        return parquet.filesystem(uri, self.storage_options)

    def _commit(
        self,
        table: LakeTable,
        new: list[AddAction],
        old: Sequence[LakeFile],
        *,
        txn: tuple[str, int] | None = None,
        data_change: bool = True,
    ) -> None:
        delta = self._opened(table)
        for action in new:
            action.data_change = data_change
        removed_at = int(time.time() * 1000)
        removed = [_removal(table, file, removed_at, data_change=data_change) for file in old]
        self._sync_files(table, new)
        delta.create_write_transaction(
            [*new, *removed],
            "append",
            table.schema,
            [table.partition_by] if table.partition_by else [],
            commit_properties=CommitProperties(app_transactions=[Transaction(*txn)] if txn else None),
        )
        self._sync_log(table)

    def _sync_files(self, table: LakeTable, new: list[AddAction]) -> None:
        root = self.uri(table.name)
        if parquet.is_local(root):
            parquet.make_durable(Path(root, action.path) for action in new)

    def _sync_log(self, table: LakeTable) -> None:
        """Two writers may commit at once: whichever entry is newest, all before it are synced by name."""
        root = self.uri(table.name)
        if parquet.is_local(root):
            newest = sorted(Path(root, "_delta_log").glob("*.json"))[-2:]
            parquet.make_durable(newest)


def _with_empty_text(rows: pa.Table, lacking: Sequence[str]) -> pa.Table:
    """Text that files of before do not have is empty (`LakeTable.added`); Arrow reads it as null."""
    for name in lacking:
        if pa.types.is_string(rows.schema.field(name).type):
            filled = pc.fill_null(rows.column(name), "")
            rows = rows.set_column(rows.schema.get_field_index(name), name, filled)
    return rows


def _removal(table: LakeTable, file: LakeFile, removed_at: int, *, data_change: bool) -> RemoveAction:
    values = {table.partition_by: file.day.isoformat()} if file.day is not None else {}
    return RemoveAction(file.path, data_change, removed_at, file.size, values)


def _partitions(table: LakeTable, data: pa.Table) -> dict[str, pa.Table]:
    """The rows by the partition that they go to."""
    if not table.partition_by:
        return {"": data} if data.num_rows else {}
    found: dict[str, list[pa.RecordBatch]] = {}
    for batch in data.to_batches():
        column = batch.column(table.partition_by).cast(pa.date32())
        days = pc.unique(column).to_pylist()
        if None in days:
            raise LakeError(f"table {table.name}: a row has no {table.partition_by}")
        for day in days:
            own = batch if len(days) == 1 else batch.filter(pc.equal(column, pa.scalar(day, pa.date32())))
            found.setdefault(day.isoformat(), []).append(own)
    return {day: pa.Table.from_batches(batches) for day, batches in found.items()}


def open_lake() -> Lake:
    """The lake of this installation (`GRIDKEEPER_LAKE_URL`, else `lake` in the data folder).

    Credentials of an object store are read from the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ...).
    """
    options = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    root = str(settings.GRIDKEEPER.lake)
    return Lake(str(Path(root).absolute()), {}) if parquet.is_local(root) else Lake(root, options)
