"""Thirty days of history of the demo, through the same ingest as every result, and marked as what it is.

Every series has a result every two hours. A seed decides which sites and services had outages when; declared outages
show in it, what depends on a failed test has no result, and the faults that the demo starts with began some days ago.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridkeeper.bus.inbox import RESULTS_SCHEMA
from gridkeeper.core.identifiers import SeriesKey, fact_hash
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.demo.topology import draw
from gridkeeper.probes.ingest import submit_arrow
from gridkeeper.probes.instances import Instance, load_instances
from gridkeeper.registry.models import Downtime, Severity

WORKER = "demo history"
LENGTH = timedelta(days=30)
STEP = timedelta(hours=2)
_STEPS_A_DAY = DAY // STEP
_SEED = 2006
#: Chance of an outage on a day: of a whole site, of a service, of a single test.
_SITE_BREAKS, _SERVICE_BREAKS, _TEST_BREAKS = 0.015, 0.012, 0.006
_LONGEST_STEPS = 5
#: The faults that the demo starts with began at most so long ago, half of them in the last quarter of it.
_FAULTY_SINCE = timedelta(days=4)
#: Tests that only inform hardly ever fail.
_QUIET = frozenset({"CE-ver", "CE-wn", "CE-bi"})
_SAID = {
    Status.OK: "demo history: all was well", Status.WARNING: "demo history: it was about to fail",
    Status.CRITICAL: "demo history: it had failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A series with what decides about its history.

    down: when its service was out as declared
    fault: its status while the fault of its site lasts
    waits_for: series without whose success it has no result, with their metrics; the first that failed is the cause
    """

    key: SeriesKey
    site: str
    down: tuple[Window, ...] = ()
    fault: Status = Status.OK
    waits_for: tuple[tuple[int, str], ...] = ()


def lines_of(faults: Mapping[str, Sequence[str]]) -> list[Line]:
    """Every series that the engine will run, those after which others wait for them."""
    down = _declared_outages()
    lines = [
        Line(
            key, instance.place.site, tuple(down.get((key.hostname, key.service_type), ())),
            fault_status(key, faults.get(instance.place.site, ())), waits_for,
        )
        for instance in load_instances().values()
        for key, waits_for in _keys_of(instance)
    ]  # fmt: skip
    return sorted(lines, key=lambda line: len(line.waits_for))


def _declared_outages() -> dict[tuple[str, str], list[Window]]:
    found: dict[tuple[str, str], list[Window]] = {}
    outages = Downtime.objects.filter(severity=Severity.OUTAGE).prefetch_related("services__service_type")
    for downtime in outages:
        for service in downtime.services.all():
            window = Window(downtime.start, downtime.end)
            found.setdefault((service.hostname, service.service_type.name), []).append(window)
    return found


def _keys_of(instance: Instance) -> Iterator[tuple[SeriesKey, tuple[tuple[int, str], ...]]]:
    """The series of an instance with what each waits for: a job for its list match, what rides in it for both."""
    matches = tuple((instance.rider_key(rider).series, rider.name) for rider in instance.riders if rider.stage == "JL")
    own = (*instance.blockers, *matches)
    yield instance.key, own
    for rider in instance.riders:
        is_match = rider.stage == "JL"
        yield instance.rider_key(rider), () if is_match else (*own, (instance.series, instance.test.name))


def fault_status(key: SeriesKey, faults: Iterable[str]) -> Status:
    """What the faults of its site make of a series."""
    return max((_status_under(key, fault) for fault in faults), default=Status.OK)


def _status_under(key: SeriesKey, fault: str) -> Status:
    kind, _, scope = fault.partition(":")
    test = key.metric.rpartition("-")[2]
    is_hit = {
        "down": True,
        "refuse": scope == key.service_type,
        "hang": scope == key.service_type,
        "wrong": scope == key.service_type and test != "cert",
        "expired": scope == key.service_type,
        "expiring": scope == key.service_type and test == "cert",
    }.get(kind, kind == test and scope in {"", key.vo})
    if not is_hit:
        return Status.OK
    return Status.WARNING if kind == "expiring" else Status.CRITICAL


def days_of_history(since: datetime, until: datetime) -> list[Window]:
    """The UTC days of [since, until), oldest first; the first and the last may be parts of a day."""
    days = []
    while since < until:
        end = min(Window.of_day(since.date()).end, until)
        days.append(Window(since, end))
        since = end
    return days


def add_day(lines: Sequence[Line], day: Window, begun_at: datetime, now: datetime) -> int:
    """Stores the history of a UTC day or of a part of one; returns the number of results.

    begun_at: the first start of the demo. The same day again changes nothing.
    """
    rows = rows_of_day(lines, day, begun_at)
    if rows.num_rows:
        submit_arrow(rows, now=now)
    return int(rows.num_rows)


def rows_of_day(lines: Sequence[Line], day: Window, begun_at: datetime) -> pa.Table:
    """The results of a day as `submit_arrow` takes them, series by series."""
    midnight = Window.of_day(day.start.date()).start
    # Hosts are spread over the hour, as live results are; what a job brings back has one time.
    shifts_s = np.array([int(draw(line.key.hostname) * 3600) for line in lines], dtype=np.int64)
    steps_s = np.arange(_STEPS_A_DAY, dtype=np.int64) * int(STEP.total_seconds())
    times_s = int(midnight.timestamp()) + steps_s[None, :] + shifts_s[:, None]
    statuses, causes = _statuses(lines, times_s, midnight, begun_at)
    is_inside = (times_s >= day.start.timestamp()) & (times_s < day.end.timestamp())
    return _table(lines, times_s, statuses, causes).filter(pa.array(is_inside.ravel()))


def _statuses(
    lines: Sequence[Line], times_s: NDArray[np.int64], midnight: datetime, begun_at: datetime
) -> tuple[NDArray[np.int8], NDArray[np.object_]]:
    """Status and cause of each line (row) at each step of the day (column)."""
    statuses = np.zeros(times_s.shape, dtype=np.int8)
    causes = np.full(times_s.shape, "", dtype=object)
    row_of = {line.key.series: row for row, line in enumerate(lines)}
    for row, line in enumerate(lines):
        if line.fault != Status.OK:
            since = begun_at - _FAULTY_SINCE * draw(f"{_SEED} since {line.site}") ** 2
            statuses[row, times_s[row] >= since.timestamp()] = line.fault
        statuses[row, _broken(line, f"{midnight:%Y-%m-%d}")] = Status.CRITICAL
        for window in line.down:
            is_out = (times_s[row] >= window.start.timestamp()) & (times_s[row] < window.end.timestamp())
            statuses[row, is_out] = Status.CRITICAL
        for series, metric in line.waits_for:
            # A failed list match is CRITICAL; a test that could itself not run is the cause of nothing.
            is_blocked = (statuses[row_of[series]] == Status.CRITICAL) & (causes[row] == "")
            statuses[row, is_blocked] = Status.UNKNOWN
            causes[row, is_blocked] = metric
    return statuses, causes


def _broken(line: Line, day: str) -> NDArray[np.bool_]:
    """At which steps of the day the site, the service or the test was broken."""
    key = line.key
    service = f"{key.hostname} {key.service_type}"
    broken = _outage(f"{day} {line.site}", _SITE_BREAKS)
    if key.metric in _QUIET:
        return broken
    broken |= _outage(f"{day} {service}", _SERVICE_BREAKS)
    return broken | _outage(f"{day} {service} {key.metric} {key.vo}", _TEST_BREAKS)


def _outage(text: str, chance: float) -> NDArray[np.bool_]:
    """At most one outage on the day and of the thing that `text` names."""
    broken = np.zeros(_STEPS_A_DAY, dtype=bool)
    if draw(f"{_SEED} {text}") < chance:
        start = int(draw(f"{_SEED} start {text}") * _STEPS_A_DAY)
        length = 1 + int(draw(f"{_SEED} length {text}") * _LONGEST_STEPS)
        broken[start : start + length] = True
    return broken


def _table(
    lines: Sequence[Line], times_s: NDArray[np.int64], statuses: NDArray[np.int8], causes: NDArray[np.object_]
) -> pa.Table:
    steps = times_s.shape[1]
    ids = [
        f"demo-history-{line.key.series}-{at}" for line, row in zip(lines, times_s.tolist(), strict=True) for at in row
    ]
    facts = np.array([fact_hash(name) for name in ids], dtype=np.int64)
    empty = np.full(len(ids), "", dtype=object)
    flat, cause = statuses.ravel(), causes.ravel()
    columns = {
        "series": np.repeat(np.array([line.key.series for line in lines], dtype=np.int64), steps),
        **{name: _each([getattr(line.key, name) for line in lines], steps) for name in _KEY_COLUMNS},
        "executed_at": pa.array(times_s.ravel() * 1_000_000).cast(pa.timestamp("us", UTC)),
        "status": flat,
        "is_hard": np.ones(len(ids), dtype=bool),
        "duration_ms": (100 + facts % 400).astype(np.int32),
        "fact": facts,
        "worker": np.full(len(ids), WORKER, dtype=object),
        "id": ids,
        "summary": [
            f"no result: {why} failed (demo history)" if why else _SAID[Status(status)]
            for status, why in zip(flat.tolist(), cause.tolist(), strict=True)
        ],
        "output": empty,
        "perfdata": empty,
        "cause": cause,
    }
    return pa.table(columns, schema=RESULTS_SCHEMA)


_KEY_COLUMNS = ("hostname", "service_type", "metric", "vo")


def _each(values: Sequence[str], steps: int) -> NDArray[np.object_]:
    return np.repeat(np.array(values, dtype=object), steps)
