"""Status strips of single series: the runs of a window as segments, with gaps where results had grown too old."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse

from gridkeeper.bus.facts import Facts, connect
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.lake.changes import status_runs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """A time in which every result of a series said the same."""

    start: datetime
    last_at: datetime
    status: Status


def runs_of(facts: Facts, series: Sequence[int], window: Window, validity_s: int) -> dict[int, list[Run]]:
    """Runs of several series, in order of time: those of the window, and what still held when it began."""
    found: dict[int, list[Run]] = defaultdict(list)
    with connect() as con:
        results = facts.results(con, Window(window.start - timedelta(seconds=validity_s), window.end))
        runs = status_runs(results.filter(results.series.isin(list(series))), validity_s)
        for row in scan.rows(runs.order_by(["series", "start", "seq"])):
            found[row["series"]].append(Run(row["start"], row["last_at"], Status(row["status"])))
    return found


def stamp_of(moment: datetime) -> int:
    """Microseconds since 1970: how the address of a result names its time, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(stamp: int) -> datetime:
    """The time that `stamp_of` was made of. Raises OverflowError past the year 9999."""
    return _EPOCH + timedelta(microseconds=stamp)


def segments(series: int, runs: Iterable[Run], window: Window, validity_s: int) -> list[dict[str, Any]]:
    """The whole window as segments for `status_strip`: a run holds until the next, but not past its validity.

    Each leads to the result that it began with.
    """
    parts: list[dict[str, Any]] = []
    at = window.start
    ordered = list(runs)
    for place, run in enumerate(ordered):
        following = ordered[place + 1].start if place + 1 < len(ordered) else window.end
        end = min(following, run.last_at + timedelta(seconds=validity_s), window.end)
        start = max(run.start, at)
        if start > at and end > at:
            parts.append(_segment(at, start, Status.MISSING))
        if end > start:
            url = reverse("portal:result_at", args=[series, stamp_of(run.start)])
            parts.append(_segment(start, end, run.status, url))
            at = end
    if at < window.end:
        parts.append(_segment(at, window.end, Status.MISSING))
    return parts


def _segment(start: datetime, end: datetime, status: Status, url: str = "") -> dict[str, Any]:
    return {"start": start, "end": end, "status": status, "url": url}


def strips_of(facts: Facts, validities: Mapping[int, int], window: Window) -> dict[int, list[dict[str, Any]]]:
    """A strip for each series, by one query; `validities` in seconds by series."""
    if not validities:
        return {}
    runs = runs_of(facts, list(validities), window, max(validities.values()))
    return {series: segments(series, runs.get(series, []), window, limit) for series, limit in validities.items()}
