"""What the scheduler counts, for Prometheus.

The scheduler is a process of its own and listens on no port: it writes its figures to a file of the data folder every
few seconds, and whichever web process answers `/metrics` adds that file.
"""

import time
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, write_to_textfile

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.models import TestKind

registry = CollectorRegistry()

_RUNS = Counter("gridkeeper_runs", "Test runs that ended.", ["kind"], registry=registry)
RUNS_BY_KIND = {kind.value: _RUNS.labels(kind.value) for kind in TestKind}
_RESULTS = Counter("gridkeeper_results", "Results measured, by status.", ["status"], registry=registry)
RESULTS_BY_STATUS = {status: _RESULTS.labels(status.name) for status in RESULT_STATUSES}
STORED = Gauge("gridkeeper_results_stored", "Results stored since the scheduler started.", registry=registry)
WAITING = Gauge("gridkeeper_results_waiting", "Results measured and not yet stored.", registry=registry)
INSTANCES = Gauge("gridkeeper_instances", "Tests on services that are to be run.", registry=registry)
IN_FLIGHT = Gauge("gridkeeper_runs_in_flight", "Test runs under way.", registry=registry)
LAG = Histogram(
    "gridkeeper_run_lag_seconds",
    "Time between when a run was due and when it started.",
    buckets=(0.05, 0.25, 1, 5, 15, 60, 300),
    registry=registry,
)

#: A file older than this is of a scheduler that runs no more.
_STALE_S = 60


def _path() -> Path:
    return Path(settings.GRIDKEEPER.data_dir) / "scheduler.prom"


def publish() -> None:
    """Writes the figures where the web processes find them."""
    write_to_textfile(str(_path()), registry)


def published() -> bytes:
    """The scheduler's figures as it last wrote them; empty where none is running on this data folder."""
    path = _path()
    try:
        if time.time() - path.stat().st_mtime > _STALE_S:
            return b""
        return path.read_bytes()
    except FileNotFoundError:
        return b""
