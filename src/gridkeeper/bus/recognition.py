"""Which rows are new: a fact that the lake holds already, or that came before in the same rows, is not.

A fact is the same where its series and the hash of its client-made id are (docs/decisions/0005). The first-received
stays, whatever a later one with its id says.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.lake.store import Snapshot
from gridkeeper.lake.tables import RESULTS

#: A sender that leaves the time to us may repeat a batch some minutes later, on the other side of midnight.
_REPEATED_WITHIN = timedelta(hours=1)

_HELD = """
    SELECT new.row AS row, bool_or(old.executed_at = new.executed_at AND old.status = new.status) AS is_equal
    FROM new JOIN old ON old.series = new.series AND (old.fact & 4294967295) = (new.fact & 4294967295)
    WHERE old.seq <= 0 OR old.fact = new.fact
    GROUP BY new.row
"""


@dataclass(frozen=True, slots=True)
class Recognised:
    """fresh: rows that are new, in order of receipt.

    repeated: how many rows were not new
    contradicting: series in which a repeated row said something else than the one that stays
    """

    fresh: pa.Table
    repeated: int
    contradicting: tuple[int, ...]


def recognise(rows: pa.Table, results: Snapshot) -> Recognised:
    """Parts new rows from repeated ones. `rows` are in order of receipt, `results` is the lake's table."""
    if not rows.num_rows:
        return Recognised(rows, 0, ())
    repeats, originals = _repeated_within(rows)
    held, is_equal = _held_by(rows, results)
    repeated = np.zeros(rows.num_rows, dtype=bool)
    repeated[repeats] = True
    repeated[held] = True
    if not repeated.any():
        return Recognised(rows, 0, ())
    others = np.concatenate([_differing(rows, repeats, originals), held[~is_equal]])
    series = np.unique(rows.column("series").to_numpy()[others])
    return Recognised(rows.filter(pa.array(~repeated)), int(repeated.sum()), tuple(series.tolist()))


def first_of_each(rows: pa.Table) -> pa.Table:
    """The rows without those whose fact stands earlier among them."""
    repeats, _ = _repeated_within(rows)
    if not len(repeats):
        return rows
    is_first = np.ones(rows.num_rows, dtype=bool)
    is_first[repeats] = False
    return rows.filter(pa.array(is_first))


def _repeated_within(rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows whose fact stands earlier in the same rows, and the positions of those earlier ones."""
    _, first, inverse = np.unique(_keys(rows), return_index=True, return_inverse=True)
    originals: np.ndarray = first[inverse]
    repeats = np.flatnonzero(originals != np.arange(rows.num_rows))
    return repeats, originals[repeats]


def held_by(rows: pa.Table, results: Snapshot) -> np.ndarray:
    """Of each row whether the lake holds its fact."""
    is_held = np.zeros(rows.num_rows, dtype=bool)
    is_held[_held_by(rows, results)[0]] = True
    return is_held


def stand_in(rows: pa.Table, others: pa.Table) -> np.ndarray:
    """Of each row whether its fact is one of the others'."""
    is_in: np.ndarray = np.isin(_keys(rows), _keys(others))
    return is_in


def _keys(rows: pa.Table) -> np.ndarray:
    columns = np.column_stack([rows.column("series").to_numpy(), rows.column("fact").to_numpy()])
    return np.ascontiguousarray(columns).view([("series", np.int64), ("fact", np.int64)]).ravel()


def _differing(rows: pa.Table, repeats: np.ndarray, originals: np.ndarray) -> np.ndarray:
    times = rows.column("executed_at").cast(pa.int64()).to_numpy()
    statuses = rows.column("status").to_numpy()
    is_other = (times[repeats] != times[originals]) | (statuses[repeats] != statuses[originals])
    others: np.ndarray = repeats[is_other]
    return others


def _held_by(rows: pa.Table, results: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows whose fact the lake holds, and whether it says the same there."""
    span = pc.min_max(rows.column("executed_at")).as_py()
    days = Window(span["min"] - _REPEATED_WITHIN, span["max"] + _REPEATED_WITHIN)
    touched = _touched_days(rows)
    files = [file.uri for file in results.of_days(days) if file.day in touched]
    if not files:
        return np.array([], dtype=np.int64), np.array([], dtype=bool)
    with scan.connect() as con:
        found = _join(con, rows, files)
    return found.column("row").to_numpy(), found.column("is_equal").to_numpy(zero_copy_only=False)


def _touched_days(rows: pa.Table) -> set[object]:
    times = rows.column("executed_at").combine_chunks()
    step = pa.scalar(_REPEATED_WITHIN, pa.duration("us"))
    around = [pc.subtract(times, step), times, pc.add(times, step)]
    return {day for moments in around for day in pc.unique(moments.cast(pa.date32())).to_pylist()}


def _join(con: object, rows: pa.Table, files: list[str]) -> pa.Table:
    new = rows.select(["series", "fact", "executed_at", "status"])
    new = new.append_column("row", pa.array(np.arange(rows.num_rows)))
    duck = con.con  # type: ignore[attr-defined]
    duck.register("new", new)
    old = scan.parquet_table(con, files, RESULTS.stored_schema)
    duck.execute(f"CREATE TEMP VIEW old AS SELECT * FROM {old.get_name()}")  # noqa: S608
    found: pa.Table = duck.sql(_HELD).to_arrow_table()
    return found
