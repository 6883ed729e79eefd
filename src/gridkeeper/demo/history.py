"""Thirty days of history of the demo, through the same ingest as every result, and marked as what it is.

Every series has a result every two hours. A seed decides which sites and services had outages when; what was declared
as a downtime shows in it, and the faults that the demo starts with began some days ago.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from gridkeeper.bus.inbox import RESULTS_SCHEMA
from gridkeeper.core.identifiers import SeriesKey, fact_hash
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.demo.topology import draw
from gridkeeper.probes.ingest import submit_arrow
from gridkeeper.probes.instances import Instance, load_instances
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Downtime

WORKER = "demo history"
STEP = timedelta(hours=2)
_SEED = 2006
#: A service breaks so often a day, a whole site so often; for how many steps, at most.
_SERVICE_BREAKS, _SITE_BREAKS = 0.05, 0.015
_LONGEST_STEPS = 5
#: The faults that the demo starts with began so long ago.
_FAULTY_SINCE = timedelta(days=4)
#: Tests that are only informative seldom fail in history.
_QUIET = frozenset({"CE-ver", "CE-wn", "CE-bi"})


@dataclass(frozen=True, slots=True)
class Line:
    """A series with what decides about its history. down: windows in which its service was certainly down."""

    key: SeriesKey
    site: str
    down: tuple[Window, ...]
    is_faulty: bool


def has_history() -> bool:
    return LatestStatus.objects.exists()


def lines_of(faults: Mapping[str, Sequence[str]]) -> list[Line]:
    """Every series that the engine will run, riders of jobs among them."""
    down: dict[tuple[str, str], list[Window]] = {}
    for downtime in Downtime.objects.filter(severity="OUTAGE").prefetch_related("services__service_type"):
        for service in downtime.services.all():
            key = (service.hostname, service.service_type.name)
            down.setdefault(key, []).append(Window(downtime.start, downtime.end))
    return [
        Line(key, instance.place.site, tuple(down.get((key.hostname, key.service_type), ())), _hits(key, found))
        for instance in load_instances().values()
        for key in _keys_of(instance)
        for found in [faults.get(instance.place.site, ())]
    ]


def _keys_of(instance: Instance) -> Iterator[SeriesKey]:
    yield instance.key
    yield from (instance.rider_key(rider) for rider in instance.riders)


def _hits(key: SeriesKey, faults: Iterable[str]) -> bool:
    """True where one of the faults makes this series fail."""
    test = key.metric.rpartition("-")[2]
    for fault in faults:
        name, _, scope = fault.partition(":")
        if name == "down" or (name == "js" and key.metric == "CE-js"):
            return True
        if name in {"refuse", "hang", "wrong"} and scope == key.service_type:
            return True
        if name == "expired" and scope == key.service_type and test in {"cert", "put", "get"}:
            return True
        if name in {"ca", "crl", "csh", "rgma", "swdir", "jl"} and name == test and scope in {"", key.vo}:
            return True
    return False


def days_of_history(now: datetime, days: int) -> list[Window]:
    """The UTC days before today, oldest first, and today until now."""
    today = Window.of_day(now.date())
    past = [Window.of_day((today.start - timedelta(days=back)).date()) for back in range(days, 0, -1)]
    return [*past, Window(today.start, now)]


def add_day(lines: Sequence[Line], day: Window, now: datetime) -> int:
    """Stores the history of one day; returns the number of results."""
    moments = [day.start + step * STEP for step in range(int(day.duration / STEP) + 1)]
    moments = [moment for moment in moments if moment < day.end]
    if not lines or not moments:
        return 0
    statuses = _statuses(lines, moments, now)
    rows = _rows(lines, moments, statuses)
    submit_arrow(rows, now=now)
    return int(rows.num_rows)


def _statuses(lines: Sequence[Line], moments: Sequence[datetime], now: datetime) -> np.ndarray:
    """Status of each line (row) at each moment (column)."""
    day = moments[0].date()
    statuses = np.zeros((len(lines), len(moments)), dtype=np.int8)
    for place, line in enumerate(lines):
        service = f"{line.key.hostname} {line.key.service_type}"
        if line.key.metric in _QUIET:
            broken = _outage(f"{day} {line.site}", _SITE_BREAKS, len(moments))
        else:
            broken = _outage(f"{day} {line.site}", _SITE_BREAKS, len(moments)) | _outage(
                f"{day} {service} {line.key.metric} {line.key.vo}", _SERVICE_BREAKS / 3, len(moments)
            )
        for column, moment in enumerate(moments):
            is_down = any(moment in window for window in line.down)
            is_faulty = line.is_faulty and moment > now - _FAULTY_SINCE
            if is_down or is_faulty or broken[column]:
                statuses[place, column] = Status.CRITICAL
    return statuses


def _outage(text: str, chance: float, steps: int) -> np.ndarray:
    """When something was broken on a day that `text` names: at most one outage."""
    broken = np.zeros(steps, dtype=bool)
    if draw(f"{_SEED} {text}") < chance:
        start = int(draw(f"{_SEED} start {text}") * steps)
        length = 1 + int(draw(f"{_SEED} length {text}") * _LONGEST_STEPS)
        broken[start : start + length] = True
    return broken


def _rows(lines: Sequence[Line], moments: Sequence[datetime], statuses: np.ndarray) -> pa.Table:
    """The results in the inbox's schema, series by series."""
    count, steps = statuses.shape
    flat = statuses.ravel()
    ids = [f"demo-history-{line.key.series}-{moment:%Y%m%d%H}" for line in lines for moment in moments]
    # Not all at the same second: spread by series, as live results are.
    shifts = [timedelta(seconds=line.key.series % 3600) for line in lines]
    times = [moment + shift for shift in shifts for moment in moments]
    said = np.where(flat == Status.OK, "demo history: all well", "demo history: an outage of the past")

    def each(values: Sequence[object]) -> list[object]:
        return [value for value in values for _ in range(steps)]

    columns = {
        "series": each([line.key.series for line in lines]),
        "hostname": each([line.key.hostname for line in lines]),
        "service_type": each([line.key.service_type for line in lines]),
        "metric": each([line.key.metric for line in lines]),
        "vo": each([line.key.vo for line in lines]),
        "executed_at": times,
        "status": flat,
        "is_hard": np.ones(count * steps, dtype=bool),
        "duration_ms": np.array([100 + int(draw(name) * 400) for name in ids], dtype=np.int32),
        "fact": [fact_hash(name) for name in ids],
        "worker": [WORKER] * (count * steps),
        "id": ids,
        "summary": said.tolist(),
        "output": [""] * (count * steps),
        "perfdata": [""] * (count * steps),
        "cause": [""] * (count * steps),
    }
    return pa.table(columns, schema=RESULTS_SCHEMA).filter(pa.array([moment < moments[-1] + STEP for moment in times]))
