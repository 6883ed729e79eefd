"""How every series stood at an instant of the past, with the words of the result that said so. For time travel."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from gridkeeper.bus.facts import Facts, connect
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan

_LOW_BITS = 0xFFFF_FFFF
_INSTANT = timedelta(microseconds=1)


class Standing(NamedTuple):
    """The newest hard result of a series at that instant. summary, cause: "" where its log is no longer kept."""

    series: int
    key: SeriesKey
    status: Status
    executed_at: datetime
    summary: str
    cause: str


def standing_at(
    facts: Facts, moment: datetime, look_back: timedelta, series: Iterable[int] | None = None
) -> list[Standing]:
    """Of every series its newest hard result in `(moment - look_back, moment]`; a series without one is left out.

    series: only of these; None for all. One pass over the results of that time, and one over their logs.
    """
    window = Window(moment - look_back + _INSTANT, moment + _INSTANT)
    with connect() as con:
        newest = _newest(facts, con, window, series)
        words = _words(facts, con, newest)
    keys = _keys(facts)
    return [
        Standing(one, keys[one], Status(status), at, *words.get((one, fact & _LOW_BITS), ("", "")))
        for one, (status, at, fact) in _once(newest)
        if one in keys
    ]


def failing_since(facts: Facts, series: list[int], moment: datetime, look_back: timedelta) -> dict[int, datetime]:
    """Since when each of these series had said what it said last at that instant; at most `look_back` is looked at."""
    if not series:
        return {}
    found = facts.hard_results(series, Window(moment - look_back, moment + _INSTANT))
    since: dict[int, tuple[int, datetime]] = {}
    columns = (found.column(name).to_pylist() for name in ("series", "executed_at", "status"))
    for one, at, status in zip(*columns, strict=True):
        if one not in since or since[one][0] != status:
            since[one] = (status, at)
    return {one: at for one, (_, at) in since.items()}


def _newest(facts: Facts, con: Any, window: Window, series: Iterable[int] | None) -> pa.Table:
    """Rows `series, executed_at, status, fact, seq`. A join with the greatest times: a window function takes six times
    as long. Twins of one instant are both in it."""
    results = facts.results(con, window)
    hard = scan.of_series(con, results.filter(results.is_hard), series).select(
        "series", "executed_at", "status", "fact", "seq"
    )
    last = hard.group_by("series").agg(last_at=hard.executed_at.max())
    joined = hard.join(last, [hard.series == last.series, hard.executed_at == last.last_at])
    return joined.select("series", "executed_at", "status", "fact", "seq").to_pyarrow()


def _once(newest: pa.Table) -> Iterator[tuple[int, tuple[int, datetime, int]]]:
    """Of twins the one received later."""
    names = ("series", "status", "executed_at", "fact")
    ordered = newest.sort_by("seq")
    rows = zip(*(ordered.column(name).to_pylist() for name in names), strict=True)
    yield from {series: (status, at, fact) for series, status, at, fact in rows}.items()


def _words(facts: Facts, con: Any, newest: pa.Table) -> dict[tuple[int, int], tuple[str, str]]:
    """First line and cause by series and the low 32 bits of the fact, which is all that a compacted day keeps."""
    if not newest.num_rows:
        return {}
    times = newest.column("executed_at").to_pylist()
    said = facts.words(con, Window(min(times), max(times) + _INSTANT))
    wanted = scan.arrow_table(con, newest.select(["series", "executed_at"]))
    found = said.semi_join(wanted, ["series", "executed_at"]).select("series", "fact", "summary", "cause").to_pyarrow()
    rows = zip(*(found.column(name).to_pylist() for name in found.column_names), strict=True)
    return {(series, fact & _LOW_BITS): (summary or "", cause or "") for series, fact, summary, cause in rows}


def _keys(facts: Facts) -> dict[int, SeriesKey]:
    table = facts.series()
    rows = zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True)
    return {series: SeriesKey(hostname, kind, metric, vo) for series, hostname, kind, metric, vo in rows}
