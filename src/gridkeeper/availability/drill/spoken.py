"""What results said: first lines of those behind a period, and the very result that held at an instant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.scan import arrow_table, connect, rows
from gridkeeper.lake.tables import INSTANT

_INSTANT, _SECOND = timedelta(microseconds=1), timedelta(seconds=1)


def first_lines(results: Iterable[tuple[int, datetime]]) -> dict[tuple[int, datetime], str]:
    """(series, when it was measured) -> its first line, of those whose log is kept."""
    wanted = sorted(set(results))
    if not wanted:
        return {}
    columns = {"series": [series for series, _ in wanted], "executed_at": [at for _, at in wanted]}
    times = [at for _, at in wanted]
    with connect() as con:
        words = open_facts().words(con, Window(min(times), max(times) + _INSTANT))
        named = arrow_table(con, pa.table(columns, pa.schema([("series", pa.int64()), ("executed_at", INSTANT)])))
        found = rows(words.semi_join(named, ["series", "executed_at"]).select("series", "executed_at", "summary"))
    return {(row["series"], row["executed_at"]): row["summary"] for row in found}


@dataclass(frozen=True, slots=True)
class Held:
    """The newest hard result of a series at an instant."""

    status: Status
    executed_at: datetime


def held_at(series: Sequence[int], moment: datetime) -> dict[int, Held]:
    """Series -> the very result behind its status in that second, as far back as the day before.

    The second counts whole, because the plan rounds the times of results down to it.
    """
    if not series:
        return {}
    midnight = Window.of_day(moment.date()).start
    found = open_facts().hard_results(
        sorted(set(series)), Window(midnight - DAY, moment.replace(microsecond=0) + _SECOND)
    )
    columns = (found.column(name).to_pylist() for name in ("series", "status", "executed_at"))
    # In the order of time, so that the last one stays.
    return {number: Held(Status(status), at) for number, status, at in zip(*columns, strict=True)}
