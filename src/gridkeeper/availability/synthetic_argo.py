"""Synthetic days as the files that ARGO's connectors would deliver: what `gridkeeper availability argo-day` reads."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gridkeeper.availability.synthetic import DOWNTIME_S, REPORT, Model, results_of
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window


def write_argo_day(model: Model, day: date, folder: Path) -> int:
    """Writes the day, with the metric data of the day before, into the folder; returns the number of results.

    Metric data is written as JSON lines, the rest as bare lists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in _documents(model, day).items():
        (folder / f"{name}.json").write_text(json.dumps(items, indent=1))
    _write_lines(folder / "metric_data_previous.jsonl", _metric_data(model, day - DAY))
    return _write_lines(folder / "metric_data.jsonl", _metric_data(model, day))


def _documents(model: Model, day: date) -> dict[str, list[dict[str, Any]]]:
    places = list(model.places())
    sites = sorted({(place.region, place.site) for place in places})
    types = sorted({place.service_type for place in places})
    return {
        "topology_groups": [
            {"date": str(day), "group": region, "type": "NGI", "subgroup": site, "tags": {}} for region, site in sites
        ],
        "topology_endpoints": [
            {
                "date": str(day), "group": place.site, "type": "SITES", "service": place.service_type,
                "hostname": place.hostname, "tags": {},
            }
            for place in places
        ],
        "metric_profiles": [
            {
                "id": "synthetic", "name": REPORT,
                "services": [{"service": name, "metrics": model.metrics_of(name)} for name in types],
            }
        ],
        "aggregation_profiles": [_aggregation(types)],
        "operations": [_operations()],
        "downtimes": [{"date": str(day), "endpoints": list(_downtimes(model, day))}],
    }  # fmt: skip


def _aggregation(types: Iterable[str]) -> dict[str, Any]:
    groups = [
        {"name": name, "operation": "OR", "services": [{"name": name, "operation": "OR"}]} for name in types
    ]  # fmt: skip
    return {
        "id": "synthetic", "name": REPORT, "namespace": "", "endpoint_group": "sites", "metric_operation": "AND",
        "profile_operation": "AND", "metric_profile": {"id": "synthetic", "name": REPORT}, "groups": groups,
    }  # fmt: skip


def _operations() -> dict[str, Any]:
    """The default operations profile in ARGO's shape: one row of a truth table for each unordered pair."""
    from gridkeeper.availability.operations import DEFAULT_OPERATIONS

    document = DEFAULT_OPERATIONS.document()
    tables = [
        {"name": name, "truth_table": [{"a": a, "b": b, "x": result} for a, b, result in rows]}
        for name, rows in document["operations"].items()
    ]
    return {
        "id": "synthetic", "name": "default", "available_states": document["states"],
        "defaults": document["defaults"], "operations": tables,
    }  # fmt: skip


def _downtimes(model: Model, day: date) -> Iterator[dict[str, str]]:
    midnight = Window.of_day(day).start
    start, end = (midnight + timedelta(seconds=second) for second in DOWNTIME_S)
    for place in model.excused():
        yield {
            "hostname": place.hostname, "service": place.service_type, "start_time": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        }  # fmt: skip


def _metric_data(model: Model, day: date) -> Iterator[dict[str, Any]]:
    keys: dict[int, SeriesKey] = {key.series: key for key in model.keys}
    for part in results_of(model, day):
        for row in part.select(["series", "executed_at", "status", "worker"]).to_pylist():
            key = keys[row["series"]]
            yield {
                "timestamp": _second(row["executed_at"]), "service": key.service_type, "hostname": key.hostname,
                "metric": key.metric, "status": Status(row["status"]).name, "monitoring_host": row["worker"],
                "summary": "", "message": "", "actual_data": "", "tags": {},
            }  # fmt: skip


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _write_lines(path: Path, items: Iterable[dict[str, Any]]) -> int:
    with path.open("w") as file:
        return sum(1 for item in items if file.write(json.dumps(item) + "\n"))
