"""Rows of figures and timelines from the lake, in the order of ARGO's documents, a few at a time.

A site or region is found by its name or by its key, and stands under the newest name that it had in the period.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridkeeper.availability.tables import DAY_TABLE, TIMELINE_TABLE
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import connect, lake_table_of
from gridkeeper.lake.store import open_lake
from gridkeeper.lake.tables import LakeTable

_CHUNK = 5_000
_SECONDS = ("total_s", "up_s", "unknown_s", "down_s", "excluded_s", "flips")
_NAMED = {"region": "region_name", "site": "site_name"}
PLACE = ("region_name", "site_name", "service_type", "hostname", "metric")


def version() -> tuple[int, int]:
    """Changes whenever a day was computed anew."""
    lake = open_lake()
    return lake.snapshot(DAY_TABLE.name).version, lake.snapshot(TIMELINE_TABLE.name).version


def day_rows(
    window: Window, *, report: str, level: str, where: Mapping[str, str], order: Sequence[str] = (*PLACE, "date")
) -> Iterator[dict[str, Any]]:
    """Seconds of places on days: `date`, the names of the place, the seconds, `flips`, and `weight` of sites."""
    weight = ["weight"] if "weight" in DAY_TABLE.schema.names else []
    columns = ["date", *PLACE, "region", "site", *_SECONDS, *weight]
    yield from _rows(DAY_TABLE, window, {"report": report, "level": level}, where, columns, order)


def period_rows(
    window: Window, *, report: str, level: str, where: Mapping[str, str], order: Sequence[str] = (*PLACE, "start")
) -> Iterator[dict[str, Any]]:
    """Periods of one status, cut at UTC midnight: `start`, `end`, `status` (number), `state` (word), the names."""
    columns = [*PLACE, "region", "site", "start", "end", "status", "state"]
    yield from _rows(TIMELINE_TABLE, window, {"report": report, "level": level}, where, columns, order)


def _rows(
    described: LakeTable, window: Window, exact: Mapping[str, str], where: Mapping[str, str],
    columns: Sequence[str], order: Sequence[str],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    lake = open_lake()
    if not lake.files(described.name, window):
        return
    with connect() as con:
        table = lake_table_of(con, lake, described.name, window)
        days = list(window.days())
        table = table.filter((table.date >= days[0]) & (table.date <= days[-1]))
        for name, word in {**exact, **where}.items():
            table = table.filter(_is(table, name, word))
        found = _newest_names(table).select(*columns).order_by(list(order)).to_pyarrow()
    for batch in found.to_batches(max_chunksize=_CHUNK):
        yield from batch.to_pylist()


def _is(table: Any, name: str, word: str) -> Any:
    if name in _NAMED:
        return (table[_NAMED[name]] == word) | (table[name] == word)
    return table[name] == word


def _newest_names(table: Any) -> Any:
    """Names as of the period's last day; a place without a name goes by its key."""
    import ibis

    for key, name in _NAMED.items():
        newest = table[name].argmax(table.date).over(ibis.window(group_by=table[key]))
        table = table.mutate(**{name: newest.nullif("").fill_null(table[key])})
    return table
