"""The inbox: a batch of facts is durable here before it is acknowledged, and leaves once the lake holds it.

`put` runs inside the caller's transaction. Order of receipt is the order of batch ids, and within a batch the order
of rows: `seq = id << 20 | row`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import connection, models, transaction

from gridkeeper.bus.models import InboxBatch, InboxIdentity
from gridkeeper.core.identifiers import new_key
from gridkeeper.lake.tables import INSTANT

#: Rows that one batch can hold; bounded by the bits of `seq`.
ROW_BITS = 20
MOST_ROWS = 1 << ROW_BITS

_REPEATING = pa.dictionary(pa.int32(), pa.string())

#: What a batch of the table `results` carries: the row of the lake, its log, and the words of its series.
RESULTS_SCHEMA = pa.schema(
    [
        ("series", pa.int64()),
        ("hostname", _REPEATING),
        ("service_type", _REPEATING),
        ("metric", _REPEATING),
        ("vo", _REPEATING),
        ("executed_at", INSTANT),
        ("status", pa.int8()),
        ("is_hard", pa.bool_()),
        ("duration_ms", pa.int32()),
        ("fact", pa.int64()),
        ("worker", _REPEATING),
        ("id", pa.string()),
        ("summary", pa.string()),
        ("output", pa.string()),
        ("perfdata", pa.string()),
        ("cause", _REPEATING),
    ]
)
_PLAIN_SCHEMA = pa.schema([pa.field(f.name, pa.string() if f.type == _REPEATING else f.type) for f in RESULTS_SCHEMA])
#: The same with plain strings and the order of receipt: what readers of the inbox get.
PENDING_SCHEMA = _PLAIN_SCHEMA.append(pa.field("seq", pa.int64()))
#: A batch of fewer rows is stored plainly.
_SMALL_ROWS = 1000
_SCHEMAS = {"results": RESULTS_SCHEMA}
_IPC = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1))
#: An arbitrary number that names the lock of all writers of the inbox in PostgreSQL.
_WRITERS_LOCK = 7_301_906_001


class InboxError(ValueError):
    """A batch that cannot be taken; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the inbox. oldest_at: None where nothing waits."""

    batches: int
    rows: int
    oldest_at: datetime | None


def serialise_writers() -> None:
    """Lets one writer of the inbox at a time go on, until its transaction ends. Called first in the transaction.

    The race: a batch id is drawn before its row is visible. Were batch 5 to commit before batch 4, the writer to the
    lake could record "moved up to 5" and batch 4 would never move. SQLite's IMMEDIATE transactions queue by
    themselves; PostgreSQL needs the lock. It also keeps two projections of one series from crossing.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITERS_LOCK])


def put(table: str, rows: pa.Table, now: datetime) -> int:
    """Stores a batch and returns its id; durable once the caller's transaction has committed.

    Raises InboxError for an unknown table, for no rows and for more than MOST_ROWS.
    """
    if table not in _SCHEMAS:
        raise InboxError(f"the inbox takes no batches of {table!r}; it takes {', '.join(_SCHEMAS)}")
    if not 0 < rows.num_rows < MOST_ROWS:
        raise InboxError(f"a batch has 1 to {MOST_ROWS - 1} rows, not {rows.num_rows}; split it")
    payload = _encode(rows.select(_SCHEMAS[table].names).cast(_SCHEMAS[table]))
    with transaction.atomic():
        serialise_writers()
        return InboxBatch.objects.create(table=table, payload=payload, rows=rows.num_rows, received_at=now).pk


def _encode(rows: pa.Table) -> memoryview:
    """Small batches are written plainly: undoing dictionaries and zstd costs a reader half a millisecond each.

    The engine makes several a second, and every page that asks for facts reads all that wait.
    """
    is_small = rows.num_rows < _SMALL_ROWS
    options = pa.ipc.IpcWriteOptions() if is_small else _IPC
    rows = rows.cast(_PLAIN_SCHEMA) if is_small else rows
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows.combine_chunks())
    return memoryview(sink.getvalue())


def _decode(batch_id: int, payload: bytes | memoryview) -> pa.Table:
    """The rows of a stored batch with their `seq`."""
    rows = pa.ipc.open_stream(payload).read_all()
    plain = rows if rows.schema == _PLAIN_SCHEMA else rows.cast(_PLAIN_SCHEMA)
    seq = np.arange(rows.num_rows, dtype=np.int64) + (batch_id << ROW_BITS)
    return plain.append_column(PENDING_SCHEMA.field("seq"), pa.array(seq))


def pending(table: str, *, after: int = 0, most_rows: int | None = None) -> tuple[list[int], pa.Table]:
    """Ids and rows of the batches that wait, oldest first; stops after the batch that reaches `most_rows`."""
    ids, parts, total = [], [], 0
    for batch_id, payload in _payloads(table, after):
        ids.append(batch_id)
        parts.append(_decode(batch_id, payload))
        total += parts[-1].num_rows
        if most_rows is not None and total >= most_rows:
            break
    return ids, pa.concat_tables(parts) if parts else PENDING_SCHEMA.empty_table()


def one(table: str, batch_id: int) -> pa.Table:
    """The rows of one waiting batch."""
    return _decode(batch_id, InboxBatch.objects.get(table=table, id=batch_id).payload)


def newest(table: str) -> int:
    """Id of the newest waiting batch; 0 where none waits."""
    return InboxBatch.objects.filter(table=table).aggregate(newest=models.Max("id"))["newest"] or 0


def _payloads(table: str, after: int) -> Iterator[tuple[int, bytes | memoryview]]:
    waiting = InboxBatch.objects.filter(table=table, id__gt=after).order_by("id")
    return iter(waiting.values_list("id", "payload").iterator(chunk_size=20))


def discard(table: str, *, up_to: int) -> int:
    """Removes the batches that the lake holds; returns how many."""
    return InboxBatch.objects.filter(table=table, id__lte=up_to).delete()[0]


def backlog(table: str) -> Backlog:
    """How much waits, and since when."""
    waiting = InboxBatch.objects.filter(table=table)
    rows = list(waiting.order_by("id").values_list("rows", "received_at"))
    return Backlog(len(rows), sum(count for count, _ in rows), rows[0][1] if rows else None)


def identity() -> str:
    """The application id that commits of this inbox bear in the lake.

    Batch ids say something only within one database: a new database on an old lake begins at 1 again, and its
    batches would look as if they had been moved. So each database has an id of its own.
    """
    return InboxIdentity.objects.get_or_create(pk=1, defaults={"key": new_key()})[0].app_id


def known_identity() -> str | None:
    """As `identity`, for readers: None where nothing was ever moved to the lake."""
    row = InboxIdentity.objects.filter(pk=1).first()
    return row.app_id if row else None


def renew_identity() -> None:
    """Gives this inbox another identity: to be called after a restore, whose batch ids may have been used already.

    Batches that the lake holds nevertheless are recognised fact by fact and not written again.
    """
    InboxIdentity.objects.update_or_create(pk=1, defaults={"key": new_key()})
