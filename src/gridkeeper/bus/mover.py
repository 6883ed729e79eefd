"""The writer of the lake: moves batches from the inbox in order of receipt, each exactly once.

Three tables take part, each with a transaction version of its own: the highest batch id that it holds. They are
written in the order series, logs, results, and the inbox is emptied last. A crash between any two leaves a state in
which the versions say what is still to be done; a crash after the results' commit leaves batches that are discarded.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.bus import inbox
from gridkeeper.bus.locks import only_one
from gridkeeper.bus.recognition import recognise
from gridkeeper.bus.signals import contradicted
from gridkeeper.lake.series import distinct, known_series
from gridkeeper.lake.store import Lake
from gridkeeper.lake.tables import LOGS, RESULTS

#: Rows of one commit, as far as whole batches allow: bounds the mover's memory to some hundred MB.
_MOST_ROWS = 400_000
#: Move at once when this many rows wait, otherwise when the oldest has waited this long: few commits, small files few.
_ENOUGH_ROWS = 50_000
_LONGEST_WAIT = timedelta(seconds=20)
#: Who writes or rewrites the results holds this lock.
WRITER_LOCK = "lake-results"


@dataclass(frozen=True, slots=True)
class Moved:
    """What one call moved. repeated: rows whose fact was known already."""

    batches: int = 0
    rows: int = 0
    repeated: int = 0


def is_due(now: datetime) -> bool:
    """True where it is worth a commit."""
    waiting = inbox.backlog("results")
    return waiting.rows >= _ENOUGH_ROWS or (waiting.oldest_at is not None and now - waiting.oldest_at >= _LONGEST_WAIT)


def move_all(lake: Lake) -> Moved:
    """Moves until the inbox is empty."""
    total = Moved()
    while (moved := move(lake)).batches:
        total = Moved(total.batches + moved.batches, total.rows + moved.rows, total.repeated + moved.repeated)
    return total


def move(lake: Lake, most_rows: int = _MOST_ROWS) -> Moved:
    """Moves the oldest batches in one commit per table; nothing where another mover is at it.

    The race that the lock shuts out: two movers read the same transaction version, take the same batches and both
    append them; neither would find the other's rows in the lake.
    """
    with only_one(WRITER_LOCK) as is_mine:
        return _move(lake, most_rows) if is_mine else Moved()


def _move(lake: Lake, most_rows: int) -> Moved:
    app = inbox.identity()
    results = lake.snapshot("results")
    held = results.transaction_version(app) or 0
    inbox.discard("results", up_to=held)
    ids, rows = inbox.pending("results", after=held, most_rows=most_rows)
    if not ids:
        return Moved()
    found = recognise(rows, results)
    _write(lake, found.fresh, app, ids[-1])
    inbox.discard("results", up_to=ids[-1])
    if found.contradicting:
        contradicted.send(sender=None, series=found.contradicting)
    return Moved(len(ids), found.fresh.num_rows, found.repeated)


def _write(lake: Lake, fresh: pa.Table, app: str, last: int) -> None:
    txn = (app, last)
    _append_series(lake, fresh)
    logged = lake.transaction_version("logs", app) or 0
    if logged < last:
        unlogged = fresh.filter(pc.greater_equal(fresh.column("seq"), (logged + 1) << inbox.ROW_BITS))
        lake.append("logs", _with_date(unlogged).select(LOGS.schema.names), txn=txn)
    lake.append("results", _with_date(fresh).select(RESULTS.schema.names), txn=txn)


def _append_series(lake: Lake, fresh: pa.Table) -> None:
    """Adds series that the dimension lacks. Adding one twice after a crash does no harm: it says the same."""
    known = set(known_series(lake).column("series").to_pylist())
    seen = distinct(fresh)
    new = seen.filter(pc.invert(pc.is_in(seen.column("series"), pa.array(list(known), pa.int64()))))
    if new.num_rows:
        lake.append("series", new)


def _with_date(rows: pa.Table) -> pa.Table:
    return rows.append_column("date", rows.column("executed_at").cast(pa.date32()))
